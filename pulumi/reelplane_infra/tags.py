"""The tags of a resource, computed once and written on it.

The provider's ``defaultTags`` are not used: what they add is not in the resource's inputs, so that neither a policy
nor a preview sees it (https://github.com/pulumi/pulumi-aws/issues/5740, open in 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class DataClass(StrEnum):
    """What would be lost with a resource."""

    NONE = "none"
    """Nothing: it can be made again from the program."""
    DERIVED = "derived"
    """Time and money: it can be computed again from primary data (caches, renditions, indexes)."""
    PRIMARY = "primary"
    """The data itself."""


def tags(
    *, environment: str, scope: str, component: str, owner: str, data: DataClass, extra: Mapping[str, str]
) -> dict[str, str]:
    """Tags of one resource. ``extra`` may not replace one of ours; keys are sorted, so that equal is equal."""
    own = {
        "reelplane:environment": environment,
        "reelplane:scope": scope,
        "reelplane:component": component,
        "reelplane:owner": owner,
        "reelplane:data": data.value,
        "reelplane:managed-by": "pulumi",
    }
    return dict(sorted({**extra, **own}.items()))
