"""Rules for infrastructure on AWS and Kubernetes, by family; usable as a Pulumi policy pack and as functions."""

from reelplane_policies import (
    backups,
    capacity,
    cost,
    encryption,
    exposure,
    identity,
    logs,
    network,
    placement,
    protection,
    tagging,
    transit,
)
from reelplane_policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    *encryption.RULES,
    *transit.RULES,
    *exposure.RULES,
    *network.RULES,
    *identity.RULES,
    *protection.RULES,
    *backups.RULES,
    *logs.RULES,
    *tagging.RULES,
    *placement.RULES,
    *capacity.RULES,
    *cost.RULES,
)
"""Every rule, in the order of the families."""
