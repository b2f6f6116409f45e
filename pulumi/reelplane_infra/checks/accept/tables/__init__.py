"""The calls of AWS's API for every resource type that the programs use, one file per family of services."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reelplane_infra.checks.accept.tables import (
    compute,
    delivery,
    functions,
    identity,
    network,
    operations,
    storage,
    stores,
)
from reelplane_infra.checks.accept.translation import Translation

TRANSLATIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        **network.TABLE,
        **identity.TABLE,
        **storage.TABLE,
        **compute.TABLE,
        **stores.TABLE,
        **delivery.TABLE,
        **operations.TABLE,
        **functions.TABLE,
    }
)
