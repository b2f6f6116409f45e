"""The program of every stack: one module per layer, each with ``declare(environment, place, inputs) -> Outputs``."""

from __future__ import annotations

import importlib
from pathlib import Path

import pulumi

from reelplane_infra.config import from_config
from reelplane_infra.inputs import Inputs
from reelplane_infra.outputs.base import Outputs
from reelplane_infra.place import Place
from reelplane_infra.stack import PROJECT, StackName


def run(root: Path) -> None:
    """Declares the stack that is being run. ``root`` is the folder that relative files of the config are below.

    Raises ValueError if the stack is none of the environment's, and ConfigError for a config that cannot be used.
    """
    stack = StackName.parse(pulumi.get_stack())
    environment = from_config(pulumi.Config(PROJECT).require("environment"), root)
    if environment.name != stack.environment:
        raise ValueError(f"stack {stack} has the config of the environment {environment.name}")
    place = Place.of(environment, stack.region)
    module = importlib.import_module(f"{__name__}.{stack.layer}")
    outputs: Outputs = module.declare(environment, place, Inputs(environment, stack))
    outputs.export()
