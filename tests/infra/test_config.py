"""An environment is checked as a whole before anything runs; an error names the file, the field and what is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reelplane_infra.config import ConfigError, Environment, from_config, load, parse
from reelplane_infra.config.load import SHIPPED


def document(**changes: Any) -> str:
    data = yaml.safe_load((SHIPPED / "global.yaml").read_text())
    return yaml.safe_dump({**data, **changes})


@pytest.mark.parametrize("name", ["dev", "startup", "global"])
def test_every_shipped_environment_loads_and_comes_back_equal(name: str) -> None:
    loaded = load(name)
    assert loaded.name == name
    assert from_config(loaded.model_dump_json(), Path()) == loaded


def test_the_regions_and_their_shares_are_those_of_the_documents() -> None:
    loaded = load("global")
    shares = {each.name: each.weight for each in loaded.primaries}
    assert shares == {"us-west-2": 40, "eu-west-1": 30, "ap-southeast-1": 30}
    assert {each.name for each in loaded.recoveries} == {"us-east-1", "eu-central-1"}
    assert all(each.recovery for each in loaded.primaries)


def region(name: str, slot: int, **fields: Any) -> dict[str, Any]:
    return {"name": name, "slot": slot, **fields}


ONE = region("us-west-2", 0, weight=100, recovery="us-east-1")
OTHER = region("us-east-1", 1, role="recovery")


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ([{**ONE, "weight": 90}, OTHER], "add up to 90, not to 100"),
        ([{**ONE, "recovery": None}, OTHER], "every primary names its recovery region"),
        ([{**ONE, "recovery": "eu-west-1"}, OTHER], "eu-west-1 is no region of role recovery"),
        ([ONE, {**OTHER, "slot": 0}], "slot 0 is there twice"),
        ([ONE, {**OTHER, "weight": 1}], "neither weight nor recovery"),
        ([{**ONE, "overrides": {"network": {"nats": "single"}}}, OTHER], "regions.us-west-2.overrides.network.nats"),
        ([ONE, region("mars-1", 2, role="recovery")], "no region of Reelplane's"),
    ],
)  # fmt: skip
def test_regions_that_cannot_stand_together_are_refused(regions: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        parse(document(regions=regions), "mine.yaml")
    assert "mine.yaml" in str(error.value)


def test_an_unknown_field_is_named_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"audience\.dayly_users"):
        parse(document(audience={"daily_users": 1, "dayly_users": 2}), "mine.yaml")


def test_a_region_has_the_layers_config_but_for_its_overrides(
    environment: Callable[..., Environment],
) -> None:
    regions = [{**ONE, "overrides": {"network": {"nat": "single"}}}, OTHER]
    layer = load("global").region.model_dump(mode="json") | {"network": {"flow_log_days": 90}}
    made = environment("global", regions=regions, region=layer, data={})
    assert made.at("us-west-2").network.nat == "single"
    assert made.at("us-west-2").network.flow_log_days == 90
    assert made.at("us-east-1").network.nat == "per-zone"


def test_a_budget_that_mails_nobody_is_refused() -> None:
    with pytest.raises(ConfigError, match="warns nobody"):
        parse(document(foundation={"budget": {"monthly_usd": 10}}), "mine.yaml")


def test_an_environment_that_does_not_ship_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="dev, global, startup"):
        load("devel")
