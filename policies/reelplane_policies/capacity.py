"""Spot capacity only for what puts up with being interrupted, and nodes that are as safe as launch templates are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reelplane_policies.rule import (
    Requirement,
    Resource,
    Rule,
    Settings,
    Violation,
    at,
    one_of,
    required,
    true,
)

POOL: Final = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS: Final = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
CAPACITY: Final = "karpenter.sh/capacity-type"
REFUSING: Final = ("NoSchedule", "NoExecute")


def _karpenter(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """A pod lands on spot because it tolerates it, so the pool has to have the taint that asks."""
    spec = "spec.template.spec"
    kinds = [value for _, value in at(resource.props, f"{spec}.requirements[]") if isinstance(value, dict)]
    asked = [each for each in kinds if each.get("key") == CAPACITY]
    if not asked:
        yield Violation(f"{spec}.requirements", f"has to say {CAPACITY}, or Karpenter takes what is cheapest")
    # "NotIn" and "Exists" leave spot in unless it is named.
    spot = any("spot" in (each.get("values") or ()) or each.get("operator") != "In" for each in asked)
    taints = [value for _, value in at(resource.props, f"{spec}.taints[]") if isinstance(value, dict)]
    if spot and not any(each.get("key") == CAPACITY and each.get("effect") in REFUSING for each in taints):
        yield Violation(
            f"{spec}.taints", f"has to have {CAPACITY} with the effect NoSchedule: its nodes are spot"
        )


def _groups(resource: Resource, settings: Settings) -> Iterator[Violation]:
    taints = resource.props.get("taints") or ()
    spot = resource.props.get("capacityType") == "SPOT"
    if spot and not any(each.get("key") == "eks.amazonaws.com/capacityType" for each in taints):
        yield Violation(
            "capacityType", "has to be ON_DEMAND, or the group tainted eks.amazonaws.com/capacityType"
        )
    if resource.props.get("remoteAccess") is not None:
        yield Violation("remoteAccess", "has to be left out: nodes have no SSH")


def _limited(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


RULES = (
    Rule("karpenter-spot", "Spot nodes are for pods that tolerate them", _karpenter, frozenset({POOL})),
    Rule("eks-spot", "Managed nodes are not interrupted, or say so", _groups, frozenset({NODE_GROUP})),
    required(
        "karpenter-limits",
        "A pool has an end: what grows without one is paid for without one",
        Requirement((POOL,), "spec.limits", _limited, "has to name an amount of cpu"),
    ),
    required(
        "karpenter-nodes",
        "Karpenter's nodes have encrypted volumes and closed instance metadata",
        Requirement((NODE_CLASS,), "spec.blockDeviceMappings[].ebs.encrypted", true, "has to be true"),
        Requirement(
            (NODE_CLASS,), "spec.metadataOptions.httpTokens", one_of("required"), "has to be required"
        ),
        Requirement((NODE_CLASS,), "spec.metadataOptions.httpPutResponseHopLimit", one_of(1), "has to be 1"),
    ),
)
