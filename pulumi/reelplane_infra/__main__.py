"""``python -m reelplane_infra``: the same as ``reelplane-infra``."""

from reelplane_infra.cli.__main__ import main

main()
