"""The names that viewers ask for: aliases of the distributions, over IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_aws import cloudfront, route53

from reelplane_infra.component import Component
from reelplane_infra.config import traffic
from reelplane_infra.place import Place


class Viewers(Component[traffic.Traffic]):
    """Two records per name."""

    def __init__(
        self,
        name: str,
        config: traffic.Traffic,
        place: Place,
        *,
        zone_id: pulumi.Input[str],
        distributions: Mapping[str, cloudfront.Distribution],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``distributions`` maps host names to what answers for them."""
        super().__init__(name, config, place, opts)
        for host, distribution in distributions.items():
            for kind in ("A", "AAAA"):
                route53.Record(
                    self.named(host.replace(".", "-"), kind.lower()),
                    zone_id=zone_id,
                    name=host,
                    type=kind,
                    aliases=[
                        {
                            "name": distribution.domain_name,
                            "zone_id": distribution.hosted_zone_id,
                            # Route 53 takes no other value for a distribution.
                            "evaluate_target_health": False,
                        }
                    ],
                    opts=self.child(),
                )
        self.register_outputs({})
