"""The hosted zone of the environment's domain, made here or brought along."""

from __future__ import annotations

import pulumi
from pulumi_aws import route53

from reelplane_infra.component import Component
from reelplane_infra.config import foundation
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass


class Zone(Component[foundation.Zone]):
    """A public zone. Deleting it would change its name servers, and with them the delegation: it counts as data."""

    data_class = DataClass.PRIMARY

    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[list[str]]
    """To which the domain's parent must delegate; empty for a zone that existed."""

    def __init__(
        self,
        name: str,
        config: foundation.Zone,
        place: Place,
        *,
        domain: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        if config.existing is not None:
            self.zone_id = pulumi.Output.from_input(str(config.existing))
            self.name_servers = pulumi.Output.from_input(list[str]())
        else:
            zone = route53.Zone(
                self.named("public"),
                name=domain,
                comment=f"{place.environment}: where viewers are sent",
                tags=self.data_tags(),
                opts=self.data(),
            )
            self.zone_id = zone.zone_id
            self.name_servers = zone.name_servers.apply(list)
        self.register_outputs({"zone_id": self.zone_id, "name_servers": self.name_servers})
