"""Where an environment runs: regions, their roles and pairs, their addresses and availability zones. Pure data.

Every address is derived from a region's ``slot``, which is written in the environment and never reused, so that
adding or removing a region moves no other region's addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from types import MappingProxyType
from typing import Final

SLOTS: Final = 16
"""Regions that 10.0.0.0/8 holds at a /12 each."""

ZONE_LETTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "us-west-2": "abcd",
        "eu-west-1": "abc",
        "ap-southeast-1": "abc",
        "us-east-1": "abcdf",
        "eu-central-1": "abc",
    }
)
"""Letters of the availability zones by region, https://docs.aws.amazon.com/global-infrastructure/latest/regions/
aws-availability-zones.html (2026-11). us-east-1e is left out: EKS has no control planes there,
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html (2026-11)."""

ZONE_ID_PREFIX: Final[Mapping[str, str]] = MappingProxyType(
    {
        "us-west-2": "usw2",
        "eu-west-1": "euw1",
        "ap-southeast-1": "apse1",
        "us-east-1": "use1",
        "eu-central-1": "euc1",
    }
)
"""AWS's own short form of a region, as in the zone id ``usw2-az1``; used where a service's names are short."""

REGIONS: Final = frozenset(ZONE_LETTERS)
"""Regions that the components have been checked for: adding one means its letters, its prefix and its prices."""


class Role(StrEnum):
    """What a region does while every region is healthy."""

    PRIMARY = "primary"
    """Serves its share of the users."""
    RECOVERY = "recovery"
    """Holds the data of its primaries and serves when one of them cannot."""


@dataclass(frozen=True, slots=True)
class Subnets:
    """The subnets of one region, one of each kind per availability zone, in the order of the zones."""

    vpc: IPv4Network
    private: tuple[IPv4Network, ...]
    """Nodes and pods: 16,382 addresses each, since the VPC CNI gives every pod one."""
    isolated: tuple[IPv4Network, ...]
    """Stores (caches, brokers, databases): no route to the internet."""
    public: tuple[IPv4Network, ...]
    """Load balancers and NAT gateways only."""


def availability_zones(region: str, count: int) -> tuple[str, ...]:
    """The first ``count`` availability zones of ``region``.

    Raises ValueError if the region is unknown or has fewer.
    """
    letters = ZONE_LETTERS.get(region)
    if letters is None:
        raise ValueError(f"{region} is no region of Reelplane's: one of {', '.join(sorted(REGIONS))}")
    if count > len(letters):
        raise ValueError(f"{region} has {len(letters)} availability zones, {count} are asked for")
    return tuple(region + letter for letter in letters[:count])


def subnets(slot: int, zones: int) -> Subnets:
    """The addresses of the region in ``slot``, split for 1 to 3 availability zones.

    A region owns 10.(16*slot).0.0/12. Its VPC is the first /16 of it, the largest that a VPC can be
    (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html, 2026-11); the other fifteen are kept
    for the secondary blocks of a cluster that outgrows it.

    Raises ValueError outside of 0-15 slots or 1-3 zones.
    """
    if not 0 <= slot < SLOTS:
        raise ValueError(f"slot {slot} is outside of 10.0.0.0/8: 0 to {SLOTS - 1}")
    if not 1 <= zones <= 3:
        raise ValueError(f"{zones} availability zones: the address plan has 1 to 3")
    vpc = IPv4Network((f"10.{16 * slot}.0.0", 16))
    *private, rest = vpc.subnets(new_prefix=18)
    *isolated, last = rest.subnets(new_prefix=20)
    public = list(last.subnets(new_prefix=22))
    return Subnets(vpc, tuple(private[:zones]), tuple(isolated[:zones]), tuple(public[:zones]))
