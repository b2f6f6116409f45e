"""What is wanted, as data: one pydantic model per component, composed by layer into an ``Environment``.

Nothing here imports the SDK: the process that records a plan reads the environment and runs no program.
"""

from reelplane_infra.config.environment import Environment, Region
from reelplane_infra.config.load import ConfigError, from_config, load, parse

__all__ = ["ConfigError", "Environment", "Region", "from_config", "load", "parse"]
