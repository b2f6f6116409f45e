"""A role for pods: EKS Pod Identity gives it to one ServiceAccount of one cluster, and no key is stored anywhere.

https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html (2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import eks, iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.config.base import Config
from reelplane_infra.place import Place

Statement = Mapping[str, object]


class PodRole(Component[Config]):
    """The role, what it may do, and the ServiceAccounts that get it."""

    arn: pulumi.Output[str]
    associations: list[eks.PodIdentityAssociation]
    """To depend on, for what must not start without its role."""

    def __init__(
        self,
        name: str,
        config: Config,
        place: Place,
        *,
        cluster: str,
        namespace: str,
        accounts: Sequence[str],
        statements: Sequence[Statement] | pulumi.Output[list[Statement]] = (),
        managed: Sequence[str] = (),
        needs: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``cluster`` is the cluster's name, ``accounts`` the ServiceAccounts of ``namespace``; ``managed`` names
        policies of AWS's own, and ``needs`` what must stand before pods may have the role."""
        super().__init__(name, config, place, opts)
        role = iam.Role(
            self.named("role"),
            name=place.fitted(naming.ROLE, name),
            assume_role_policy=json.dumps(pods_of(place, cluster)),
            tags=self.tags(),
            opts=self.child(),
        )
        for policy in managed:
            iam.RolePolicyAttachment(
                self.named(policy.rpartition("/")[2].lower()),
                role=role.name,
                policy_arn=f"arn:aws:iam::aws:policy/{policy}",
                opts=self.child(),
            )
        # An empty list is the same as no policy; an Output is never empty.
        if isinstance(statements, pulumi.Output) or statements:
            iam.RolePolicy(
                self.named("policy"),
                role=role.name,
                policy=pulumi.Output.from_input(statements).apply(lambda found: json.dumps(document(found))),
                opts=self.child(),
            )
        self.associations = [
            eks.PodIdentityAssociation(
                self.named(account),
                region=place.region,
                cluster_name=cluster,
                namespace=namespace,
                service_account=account,
                role_arn=role.arn,
                tags=self.tags(),
                opts=self.child(depends_on=needs),
            )
            for account in accounts
        ]
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})


def trust(
    service: str, place: Place | None = None, *actions: str, **conditions: Mapping[str, object]
) -> dict[str, object]:
    """Who may take a role: an AWS service, e.g. ``eks.amazonaws.com``, given ``place`` only for its account.

    That closes the confused deputy's way in, https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    (2026-11). ``actions`` beside ``sts:AssumeRole``; more conditions by operator, as for ``allow``.
    """
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["sts:AssumeRole", *actions] if actions else "sts:AssumeRole",
    }
    if place is not None:
        conditions = {"StringEquals": {"aws:SourceAccount": place.account}, **conditions}
    if conditions:
        statement["Condition"] = conditions
    return document([statement])


def pods_of(place: Place, cluster: str) -> dict[str, object]:
    """Pod Identity may hand the role to pods of that cluster alone."""
    source = {"aws:SourceArn": place.arn("eks", f"cluster/{cluster}")}
    return trust("pods.eks.amazonaws.com", place, "sts:TagSession", ArnEquals=source)


def document(statements: Sequence[Statement]) -> dict[str, object]:
    """An IAM policy of these statements."""
    return {"Version": "2012-10-17", "Statement": [dict(each) for each in statements]}


def allow(actions: Sequence[str], resources: Sequence[str], **condition: Mapping[str, object]) -> Statement:
    """One statement. Conditions by operator: ``StringEquals={"aws:RequestedRegion": "eu-west-1"}``."""
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(resources),
    }
    return {**statement, "Condition": condition} if condition else statement
