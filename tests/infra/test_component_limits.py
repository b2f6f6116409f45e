"""A limit of AWS's is refused in the environment, by a message that names the field and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from reelplane_infra.config import Environment
from reelplane_infra.config.backup import Backup
from reelplane_infra.config.cdn import Geography
from reelplane_infra.config.firewall import Firewall
from reelplane_infra.config.relational import Relational
from reelplane_infra.config.widecolumn import Table, WideColumn

FIVE = ("us-west-2", "us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-1")


@pytest.mark.parametrize(
    ("model", "fields", "said"),
    [
        (
            Relational,
            {"secondary_regions": ("us-east-1",) * 11},
            r"secondary_regions: 11 regions, at most 10",
        ),
        (Relational, {"secondary_regions": ("us-east-1",) * 2}, r"secondary_regions: each region once"),
        (Relational, {"secondary_regions": FIVE[1:], "instances": 13}, r"instances 13: .* at most 12"),
        (
            Relational,
            {"secondary_regions": FIVE[1:2], "instance_class": "db.t4g.medium"},
            r"instance_class db.t4g.medium: .* db\.r",
        ),
        (Relational, {"insights_days": 30}, r"insights_days 30: 7, 731, or 31 times"),
        (Relational, {"backup_days": 36}, r"backup_days\n.*less than or equal to 35"),
        (WideColumn, {"regions": FIVE[:1]}, r"regions: 1, a keyspace of several regions has 2 to 6"),
        (WideColumn, {"regions": FIVE[:2] * 4}, r"regions: 8, a keyspace of several regions has 2 to 6"),
        (WideColumn, {"regions": FIVE[:2], "customer_key": True}, r"customer_key: .* false"),
        (Table, {"columns": {"a": "int"}, "partition": ("b",)}, r"partition: b is none of the columns a"),
        (
            Backup,
            {"copy_region": "us-east-1", "lock": {"maximum_days": 100}},
            r"monthly.keep_days 365: the lock lets in 7 to 100 days",
        ),
        (
            Backup,
            {"copy_region": "us-east-1", "lock": {"changeable_days": 2}},
            r"changeable_days\n.*equal to 3",
        ),
        (Geography, {"mode": "deny"}, r"countries: mode deny goes with at least one"),
        (Firewall, {"log_days": 8}, r"log_days 8: CloudWatch Logs keeps"),
    ],
)
def test_a_limit_is_refused_with_the_field_and_what_would_be_right(
    model: type[Any], fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        model.model_validate(fields)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"data": {"relational": {"secondary_regions": ["us-west-2"]}}},
            r"us-west-2 is the hub, where the writer is",
        ),
        (
            {"data": {"relational": {"secondary_regions": ["eu-west-1"]}}},
            r"eu-west-1 is none of us-east-1, us-west-2",
        ),
        (
            {"data": {"widecolumn": {"regions": ["us-east-1", "eu-west-1"]}}},
            r"data.widecolumn.regions: us-west-2, the hub",
        ),
        ({"data": {"replication": {"copies": 3}}}, r"data.replication.copies 3: .* at most 2"),
        (
            {"data": {"backup": {"copy_region": "us-west-2"}}},
            r"data.backup.copy_region: us-west-2 is the hub",
        ),
        (
            {"data": {"replicator": {}}},
            r"data.replicator: us-west-2, us-east-1 has no stream .* set region.stream",
        ),
        ({"edge": {"prewarm": {}}}, r"prewarm: there is no cache to fill without cdn"),
        ({"edge": {"traffic": {"evacuated": ["us-east-1"]}}}, r"evacuated: us-east-1 is no primary"),
        (
            {"edge": {"traffic": {"continents": {"us-east-1": ["NA"]}}}},
            r"edge.traffic.continents: us-east-1 is no primary; one of us-west-2",
        ),
    ],
)
def test_what_regions_need_of_each_other_is_refused_before_a_run(
    environment: Callable[..., Environment], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        environment("startup", **changes)


def test_aws_managed_groups_and_the_rate_are_as_the_rows_say(environment: Callable[..., Environment]) -> None:
    assert environment("global").edge.firewall.limit == 30_000, "S4.14: 100 a second, over five minutes"
    assert Firewall(under_attack=True).limit == 3_000
    assert Firewall(requests_per_second=1, window_seconds=60, under_attack=True).limit == 10, "WAF's smallest"
