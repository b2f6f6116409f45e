"""The operator: keeps the children of VideoPlatform, VideoPipeline, ProxyPool and RegionDeployment as the plan wants them."""
