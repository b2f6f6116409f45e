"""A security group before a store: who comes in, and at which ports. It opens nothing on the way out."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_aws import ec2

from reelplane_infra.component import Component
from reelplane_infra.config.base import Config
from reelplane_infra.place import Place


class Guard(Component[Config]):
    """The group and a rule for each port."""

    id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: Config,
        place: Place,
        *,
        vpc_id: pulumi.Input[str],
        source_id: pulumi.Input[str],
        ports: Mapping[str, int],
        description: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``source_id`` is the security group that may connect, ``ports`` the TCP ports by what they are."""
        super().__init__(name, config, place, opts)
        group = ec2.SecurityGroup(
            self.named("group"),
            region=place.region,
            vpc_id=vpc_id,
            description=description,
            tags=self.tags(name=self.named("group")),
            opts=self.child(),
        )
        for part, port in ports.items():
            ec2.SecurityGroupRule(
                self.named(part),
                region=place.region,
                security_group_id=group.id,
                type="ingress",
                protocol="tcp",
                from_port=port,
                to_port=port,
                source_security_group_id=source_id,
                description=f"{description}: {part}",
                opts=self.child(),
            )
        self.id = group.id
        self.register_outputs({"id": self.id})
