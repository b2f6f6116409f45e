"""The Pulumi program: the name of the stack says which layer of which environment, and in which region."""

from pathlib import Path

from reelplane_infra.layers import run

run(Path(__file__).resolve().parents[1])
