"""What every workload shares: error codes, keys, metrics and logs. Imports no other room of the workloads but the nouns."""
