"""RegionDeployment: the hub writes resolved objects into a region and reads their status back."""
