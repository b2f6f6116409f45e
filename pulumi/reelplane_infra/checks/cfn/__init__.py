"""Which CloudFormation type describes each resource type of pulumi-aws, one file per family of services.

Properties are found by name (``checks/shaping.py``); a table says what is named or nested otherwise and, with the
reason, what CloudFormation does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reelplane_infra.checks.cfn import (
    compute,
    delivery,
    functions,
    identity,
    network,
    operations,
    storage,
    stores,
)
from reelplane_infra.checks.cfn.counterpart import Counterpart

COUNTERPARTS: Final[Mapping[str, Counterpart]] = MappingProxyType(
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
