"""The pack as Pulumi runs it: ``pulumi up --policy-pack policies --policy-pack-config policies.json``."""

from pulumi_policy import PolicyPack

from reelplane_policies import RULES
from reelplane_policies.crossguard import policy

PolicyPack("reelplane", [policy(rule) for rule in RULES])
