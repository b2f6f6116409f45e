"""A VPC's ways out, endpoints and load balancers: by the hour, and by what passes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reelplane_infra.price.meters.base import Meter, Site, Use, read
from reelplane_infra.price.usage import HOURS
from reelplane_infra.record import Resource


def nat_gateway(_: Resource, site: Site) -> Iterator[Use]:
    """What the platform fetches itself comes in through the gateways, evenly."""
    network = site.environment.at(site.region).network
    gateways = 1 if network.nat.value == "single" else network.zones
    yield Use("nat.hour", HOURS)
    yield Use("nat.gb", site.usage.fetched_gb / gateways)


def address(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("ipv4.hour", HOURS)


def endpoint(resource: Resource, _: Site) -> Iterator[Use]:
    """Interface endpoints are paid per subnet, which is per zone; gateway endpoints are free."""
    if read(resource, "vpcEndpointType", "Gateway") == "Interface":
        yield Use("endpoint.hour", HOURS * max(len(read(resource, "subnetIds", [])), 1))


def load_balancer(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("nlb.hour", HOURS)


def accelerator(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("accelerator.hour", HOURS)


METERS: Final[Mapping[str, Meter]] = {
    "aws:ec2/natGateway:NatGateway": nat_gateway,
    "aws:ec2/eip:Eip": address,
    "aws:ec2/vpcEndpoint:VpcEndpoint": endpoint,
    "aws:lb/loadBalancer:LoadBalancer": load_balancer,
    "aws:globalaccelerator/accelerator:Accelerator": accelerator,
}
