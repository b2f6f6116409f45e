"""How many objects are in which condition: counted when Prometheus asks, from the world as it stands.

A count by kind says that something is stalled and since when, which is what an alert needs; which object it is,
`kubectl get` says. Names as labels would grow without bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reelplane_operator.reconcile.world import World

NAME = "reelplane_operator_objects"


class Census(Collector):
    """Register it once: ``metrics.REGISTRY.register(Census(world))``."""

    def __init__(self, world: World) -> None:
        self._world = world

    def collect(self) -> Iterator[GaugeMetricFamily]:
        counts: Counter[tuple[str, str, str]] = Counter()
        for key in sorted(self._world.keys()):
            declared = self._world.declared(key)
            for each in (declared.status.get("conditions") if declared else None) or ():
                counts[key.kind, str(each.get("type")), str(each.get("status"))] += 1
        family = GaugeMetricFamily(
            NAME, "Objects by kind, condition and its status", labels=["kind", "condition", "status"]
        )
        for labels, count in sorted(counts.items()):
            family.add_metric(labels, count)
        yield family

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """So that registering does not count a world that is still being read."""
        yield GaugeMetricFamily(NAME, "Objects by kind, condition and its status")
