"""A Region switch plan that moves the writers of all shards at once, to the recovery region or back.

The plan is AWS's to run (ARC Region switch), from either region, and a person starts it. In its normal form it waits
until the copy has everything and then switches; where the writing region is gone, the execution is started as
ungraceful and takes what the copy has. https://docs.aws.amazon.com/arc-region-switch/latest/api/
API_GlobalAuroraConfiguration.html (2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import arcregionswitch, iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.config import recovery
from reelplane_infra.place import Place


@dataclass(frozen=True, slots=True)
class Database:
    """One shard's global database."""

    global_id: pulumi.Output[str]
    cluster_arns: Sequence[pulumi.Output[str]]
    """Of its clusters in the plan's two regions."""


class Recovery(Component[recovery.Recovery]):
    """One plan between the hub's region and ``region``."""

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: recovery.Recovery,
        place: Place,
        *,
        region: str,
        databases: Sequence[Database],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Raises ValueError without a database: there is nothing to move then."""
        super().__init__(name, config, place, opts)
        if not databases:
            raise ValueError(
                "edge.recovery: no database has several regions; set data.relational.secondary_regions"
            )
        role = iam.Role(
            self.named("role"),
            name=place.fitted(naming.ROLE, name),
            assume_role_policy=json.dumps(trust("arc-region-switch.amazonaws.com", place)),
            tags=self.tags(),
            opts=self.child(),
        )
        policy = iam.RolePolicy(
            self.named("role"),
            role=role.name,
            policy=pulumi.Output.json_dumps(permissions(place, databases)),
            opts=self.child(),
        )
        plan = arcregionswitch.Plan(
            self.named("plan"),
            region=place.region,
            name=self.named("plan"),
            description=f"Writers of {place.environment}: {place.region} or {region}",
            recovery_approach="activePassive",
            regions=[place.region, region],
            primary_region=place.region,
            recovery_time_objective_minutes=config.objective_minutes,
            execution_role=role.arn,
            workflows=[
                {
                    "workflow_target_action": "activate",
                    "workflow_target_region": to,
                    "workflow_description": f"{to} writes",
                    "steps": [self._together(databases)],
                }
                for to in (place.region, region)
            ],
            tags=self.tags(),
            opts=self.child(depends_on=[policy]),
        )
        self.arn = plan.arn
        self.register_outputs({"arn": self.arn})

    def _together(self, databases: Sequence[Database]) -> Any:
        steps = [
            {
                "name": f"shard-{number}",
                "execution_block_type": "AuroraGlobalDatabase",
                "global_aurora_configs": [
                    {
                        "behavior": "switchoverOnly",
                        "ungracefuls": [{"ungraceful": "failover"}],
                        "global_cluster_identifier": database.global_id,
                        "database_cluster_arns": list(database.cluster_arns),
                        "timeout_minutes": self.config.timeout_minutes,
                    }
                ],
            }
            for number, database in enumerate(databases)
        ]
        if len(steps) == 1:
            return steps[0]
        return {"name": "shards", "execution_block_type": "Parallel", "parallel_configs": [{"steps": steps}]}


def permissions(place: Place, databases: Sequence[Database]) -> dict[str, object]:
    """Looking at databases, and moving the writer of ours,
    https://docs.aws.amazon.com/r53recovery/latest/dg/security_iam_region_switch_aurora.html (2026-11)."""
    ours = [
        arn
        for each in databases
        for arn in (
            each.global_id.apply(lambda name: place.arn("rds", f"global-cluster:{name}", region="")),
            *each.cluster_arns,
        )
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["rds:DescribeGlobalClusters", "rds:DescribeDBClusters"],
                "Resource": ours,
            },
            {
                "Effect": "Allow",
                "Action": ["rds:FailoverGlobalCluster", "rds:SwitchoverGlobalCluster"],
                "Resource": ours,
            },
        ],
    }
