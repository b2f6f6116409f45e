"""What runs in the pods and in local processes: one package, one entry point per workload."""
