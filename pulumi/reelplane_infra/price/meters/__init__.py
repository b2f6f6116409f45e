"""What each resource uses: a meter per resource type, in the units of the price book.

A meter reads the resource's recorded inputs for what is paid by size, and the site's share of the audience's usage for
what is paid by use. ``METERS`` has a meter for what costs, ``free`` says why the rest does not; a type that is in
neither is reported by name, never counted as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reelplane_infra.price.meters import compute, delivery, network, operations, storage, stores
from reelplane_infra.price.meters.base import Meter, Site, Use
from reelplane_infra.price.meters.free import free

METERS: Final[Mapping[str, Meter]] = MappingProxyType(
    {
        **compute.METERS,
        **network.METERS,
        **storage.METERS,
        **stores.METERS,
        **delivery.METERS,
        **operations.METERS,
    }
)

__all__ = ["METERS", "Meter", "Site", "Use", "free"]
