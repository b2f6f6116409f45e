"""Checks that what is protected is also kept at AWS when it leaves the program.

Protection refuses a deletion; ``retainOnDelete`` makes one that was asked for on purpose leave the data where it is.
The engine does not tell policy packs about it, so this one check reads the record itself.
"""

from __future__ import annotations

from reelplane_infra.checks.finding import Finding
from reelplane_infra.record import RecordedPlan


def check_retention(plan: RecordedPlan) -> list[Finding]:
    """Protected resources without ``retainOnDelete``, and the other way round."""
    return sorted(
        Finding(
            str(record.stack),
            resource.urn,
            "",
            "retain",
            "has to have retain_on_delete with protect"
            if resource.protect
            else "has to have protect with retain_on_delete",
        )
        for record, resource in plan.resources()
        if resource.protect != resource.retain
    )
