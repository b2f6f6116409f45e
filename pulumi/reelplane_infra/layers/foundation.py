"""What an environment has once and the regions start from: keys, images, who deploys, the domain, the budget."""

from __future__ import annotations

from reelplane_infra.components.budget import Budget
from reelplane_infra.components.deployer import Deployer
from reelplane_infra.components.keys import Keys
from reelplane_infra.components.registry import Registry
from reelplane_infra.components.zone import Zone
from reelplane_infra.config import Environment
from reelplane_infra.inputs import Inputs
from reelplane_infra.outputs.foundation import FoundationOutputs
from reelplane_infra.place import Place


def declare(environment: Environment, place: Place, inputs: Inputs) -> FoundationOutputs:
    """Reads no other layer."""
    config = environment.foundation
    regions = [each.name for each in environment.regions]
    keys = Keys("keys", config.keys, place, regions=regions)
    registry = Registry("registry", config.registry, place, regions=regions, key_arn=keys.arns[place.region])
    zone = Zone("zone", config.zone, place, domain=environment.domain)
    if config.deployers.principals:
        Deployer("deployer", config.deployers, place, regions=regions)
    if config.budget.monthly_usd is not None:
        Budget("budget", config.budget, place)
    return FoundationOutputs(
        key_arns=keys.arns,
        repository_urls=registry.urls,
        zone_id=zone.zone_id,
        name_servers=zone.name_servers,
    )
