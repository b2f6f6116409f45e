"""The two ways a plan is written down: as processes of this machine, or as manifests of a cluster."""
