"""Functions of the provider that a program may call, answered from what is known without an account."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from reelplane_infra.record.values import Value
from reelplane_infra.topology import ZONE_ID_PREFIX, ZONE_LETTERS


class Unanswered(ValueError):
    """A function that nothing here can answer."""


def call(token: str, arguments: Mapping[str, Value], *, account: str, region: str) -> dict[str, Value]:
    """The result of a provider's function. Raises Unanswered, with those that are answered."""
    own = arguments.get("region")
    place = own if isinstance(own, str) else region
    match token.rpartition(":")[2]:
        case "getCallerIdentity":
            arn = f"arn:aws:iam::{account}:user/recorder"
            return {"accountId": account, "arn": arn, "userId": "AIDARECORDER", "id": account}
        case "getRegion":
            return {"name": place, "region": place, "id": place, "endpoint": f"ec2.{place}.amazonaws.com"}
        case "getPartition":
            names: dict[str, Value] = {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"}
            return names | {"reverseDnsPrefix": "com.amazonaws"}
        case "getAvailabilityZones":
            letters = ZONE_LETTERS.get(place, "")
            ids: list[Value] = [f"{ZONE_ID_PREFIX[place]}-az{index + 1}" for index in range(len(letters))]
            zones: list[Value] = [place + letter for letter in letters]
            return {"names": zones, "zoneIds": ids, "groupNames": [place], "id": place}
    if token == "aws:ec2/getManagedPrefixList:getManagedPrefixList":  # noqa: S105 - a function's name
        return _prefix_list(str(arguments.get("name")), place)
    raise Unanswered(
        f"{token} asks an account for something: a recording has none. Take it from the environment instead "
        "(answered are getCallerIdentity, getRegion, getPartition, getAvailabilityZones, getManagedPrefixList)"
    )


def _prefix_list(name: str, region: str) -> dict[str, Value]:
    """One of AWS's own lists: an id that follows from its name and region, and no addresses."""
    ident = f"pl-{hashlib.sha256(f'{region}/{name}'.encode()).hexdigest()[:8]}"
    return {
        "id": ident,
        "name": name,
        "region": region,
        "arn": f"arn:aws:ec2:{region}:aws:prefix-list/{ident}",
        "addressFamily": "IPv4",
        "entries": [],
        "maxEntries": 0,
        "ownerId": "AWS",
        "tags": {},
        "version": 0,
    }
