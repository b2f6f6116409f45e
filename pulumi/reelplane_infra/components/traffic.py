"""Route 53's part: a health check per region, and the origin's name that answers with a region that is up.

    origin.<domain>            by the continent that is asked from      -> the primary's name
    <primary>.origin.<domain>  the primary's load balancer while it is up, its recovery region's otherwise

A primary without a recovery region is answered directly. The viewers' own names point at CloudFront, which has no
health to check, and which asks for the origin's name from near the viewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import route53

from reelplane_infra.component import Component
from reelplane_infra.config import traffic
from reelplane_infra.place import Place


@dataclass(frozen=True, slots=True)
class Address:
    """What an alias record points at."""

    name: pulumi.Input[str]
    zone_id: pulumi.Input[str]


class Traffic(Component[traffic.Traffic]):
    """The origin's records and the health checks that they follow."""

    def __init__(
        self,
        name: str,
        config: traffic.Traffic,
        place: Place,
        *,
        origin: str,
        zone_id: pulumi.Input[str],
        recovery: Mapping[str, str | None],
        balancers: Mapping[str, Address],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``recovery`` maps primaries to theirs, ``balancers`` every region to its load balancer. The rest of the
        world is the first primary's, which a caller puts first for that."""
        super().__init__(name, config, place, opts)
        self._zone_id = zone_id
        checks = {region: self._check(region, balancer) for region, balancer in balancers.items()}
        served: dict[str, Address] = {}
        for primary, other in recovery.items():
            if other is None:
                served[primary] = balancers[primary]
                continue
            host = f"{primary}.{origin}"
            for role, region in (("PRIMARY", primary), ("SECONDARY", other)):
                self._record(
                    ("failover", primary, role.lower()),
                    host,
                    balancers[region],
                    health_check_id=checks[region].id,
                    set_identifier=role.lower(),
                    failover_routing_policies=[{"type": role}],
                )
            served[primary] = Address(host, zone_id)
        continents = traffic.continents(config, recovery)
        places = [(primary, each) for primary in recovery for each in continents[primary]]
        rest = next(iter(recovery))
        for primary, continent in [*places, (rest, "*")]:
            everywhere = continent == "*"
            self._record(
                ("geolocation", "rest" if everywhere else continent.lower()),
                origin,
                served[primary],
                # A primary's name has the checks of both its regions; this one is asked when there is no such name.
                health_check_id=checks[primary].id if recovery[primary] is None else None,
                set_identifier="rest" if everywhere else continent,
                geolocation_routing_policies=[{"country": "*"} if everywhere else {"continent": continent}],
            )
        self.register_outputs({"origin": origin})

    def _check(self, region: str, balancer: Address) -> route53.HealthCheck:
        """From Route 53's own places; an evacuated region's answer counts for its opposite."""
        config = self.config
        return route53.HealthCheck(
            self.named("check", region),
            type="HTTPS",
            fqdn=balancer.name,
            port=443,
            resource_path=config.path,
            request_interval=config.interval_seconds,
            failure_threshold=config.failures,
            enable_sni=True,
            measure_latency=True,
            invert_healthcheck=region in config.evacuated,
            tags=self.tags(name=self.named("check", region)),
            opts=self.child(),
        )

    def _record(self, parts: tuple[str, ...], host: str, target: Address, **routing: Any) -> None:
        route53.Record(
            self.named(*parts),
            zone_id=self._zone_id,
            name=host,
            type="A",
            aliases=[{"name": target.name, "zone_id": target.zone_id, "evaluate_target_health": True}],
            opts=self.child(),
            **routing,
        )
