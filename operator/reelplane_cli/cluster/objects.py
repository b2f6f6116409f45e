"""Raw objects as the API server gives them: names, conditions, labels, times. Pure helpers, no decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Json = dict[str, Any]

GROUP_VERSION = "reelplane.io/v1alpha1"
PAUSED = "reelplane.io/paused"
"""On an object of ours: "true" keeps the operator's hands off all its children."""
OPT_OUT = "reelplane.io/reconcile"
"""On a child: "disabled" keeps the operator's hands off this one."""
OWNER = "reelplane.io/owner"
"""On every child: ``VideoPipeline.shorts``."""
PART_OF = "app.kubernetes.io/part-of"
MANAGED = "app.kubernetes.io/managed-by=reelplane"

OPERATOR_NAMESPACE = "reelplane-system"
OPERATOR = "reelplane-operator"
"""Name of the operator's Deployment, Lease and ``app.kubernetes.io/name`` (operator/deploy)."""
RESTART_OPERATOR = f"kubectl -n {OPERATOR_NAMESPACE} get deployment {OPERATOR}"


def name_of(item: Mapping[str, Any]) -> str:
    return str(item.get("metadata", {}).get("name", ""))


def title(item: Mapping[str, Any]) -> str:
    """``Deployment/reels-api``."""
    return f"{item.get('kind', '?')}/{name_of(item)}"


def labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item.get("metadata", {}).get("labels") or {}


def annotated(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item.get("metadata", {}).get("annotations") or {}


def spec(item: Mapping[str, Any]) -> Json:
    return item.get("spec") or {}


def status(item: Mapping[str, Any]) -> Json:
    return item.get("status") or {}


def conditions(item: Mapping[str, Any]) -> list[Json]:
    return list(status(item).get("conditions") or ())


def condition(item: Mapping[str, Any], kind: str) -> Json:
    """The condition of that type; empty when it is not reported."""
    return next((each for each in conditions(item) if each.get("type") == kind), {})


def holds(item: Mapping[str, Any], kind: str) -> bool:
    return condition(item, kind).get("status") == "True"


def seconds_since(moment: str | None, now: datetime) -> float | None:
    """Seconds from an RFC 3339 time to ``now``; None when there is no such time."""
    if not moment:
        return None
    try:
        return (now - datetime.fromisoformat(moment)).total_seconds()
    except ValueError:
        return None


def of_owner(items: Iterable[Json], kind: str, name: str) -> list[Json]:
    """Those of ``items`` that are children of this object of ours."""
    return [item for item in items if labels(item).get(OWNER) == f"{kind}.{name}"]


def selected_by(pod: Mapping[str, Any], workload: Mapping[str, Any]) -> bool:
    """Whether a Deployment or StatefulSet selects this pod."""
    wanted: Mapping[str, str] = spec(workload).get("selector", {}).get("matchLabels") or {}
    given = labels(pod)
    return bool(wanted) and all(given.get(key) == value for key, value in wanted.items())
