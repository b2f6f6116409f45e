"""What every workload shares: error codes, keys, metrics, logs. Imports nothing of the other rooms but the nouns."""
