"""What holds of every environment that is accepted, whatever its regions: drawn, not chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reelplane_infra.config import Environment, load
from reelplane_infra.config.relational import Relational
from reelplane_infra.config.replication import prefix, targets
from reelplane_infra.config.traffic import NEAREST, Traffic, continents
from reelplane_infra.config.widecolumn import WideColumn
from reelplane_infra.layers.edge import sources
from reelplane_infra.topology import REGIONS

NAMES = sorted(REGIONS)
few = settings(deadline=None, max_examples=60)


@st.composite
def recoveries(draw: st.DrawFn) -> dict[str, str | None]:
    """Primary -> its recovery region, as environments have them: none with one region, one each with several."""
    primaries = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    others = [each for each in NAMES if each not in primaries]
    if len(primaries) == 1 and draw(st.booleans()):
        return {primaries[0]: None}
    return {each: draw(st.sampled_from(others)) for each in primaries}


@st.composite
def environments(draw: st.DrawFn) -> Environment:
    """An environment with those regions, copies between them, and nothing else that is drawn."""
    recovery = draw(recoveries())
    seconds = sorted({each for each in recovery.values() if each})
    weights = [100 - 10 * (len(recovery) - 1), *[10] * (len(recovery) - 1)]
    regions: list[dict[str, Any]] = [
        {"name": name, "slot": slot, "weight": weight, "recovery": other}
        for slot, ((name, other), weight) in enumerate(zip(recovery.items(), weights, strict=True))
    ]
    regions += [{"name": name, "role": "recovery", "slot": 8 + n} for n, name in enumerate(seconds)]
    total = len(regions)
    copies = {"copies": draw(st.integers(2, total))} if total > 1 else None
    base = load("dev").model_dump(mode="json")
    drawn = {"regions": regions, "hub": regions[0]["name"], "data": {"replication": copies}}
    return Environment.model_validate({**base, **drawn})


@few
@given(environments())
def test_every_primary_has_a_recovery_region_that_holds_its_videos(environment: Environment) -> None:
    for primary in environment.primaries:
        if len(environment.regions) == 1:
            continue
        assert primary.recovery is not None
        kept = _targets(environment)[primary.name]
        assert kept[0] == primary.recovery


@few
@given(environments())
def test_no_object_travels_in_a_circle(environment: Environment) -> None:
    """Per prefix the rules are a star: the one bucket that is written, and buckets that copy nothing onwards."""
    edges = {
        (prefix(kind, primary), primary, target)
        for kind in ("raw/", "processed/")
        for primary, kept in _targets(environment).items()
        for target in kept
    }
    for below, source, target in edges:
        assert source != target
        assert not [edge for edge in edges if edge[0] == below and edge[1] == target], "a copy is copied on"
    prefixes = {edge[0] for edge in edges}
    assert not [(a, b) for a in prefixes for b in prefixes if a != b and a.startswith(b)], (
        "one rule has two sources"
    )


@few
@given(environments())
def test_a_video_is_in_as_many_regions_as_the_environment_says(environment: Environment) -> None:
    replication = environment.data.replication
    assume(replication is not None)
    assert replication is not None
    for primary, kept in _targets(environment).items():
        assert len({primary, *kept}) == replication.copies


@few
@given(environments())
def test_media_fall_back_to_a_bucket_that_has_them(environment: Environment) -> None:
    for source in sources(environment):
        if source.copy is None:
            assert environment.data.replication is None
        else:
            assert source.copy in _targets(environment)[source.region]


@few
@given(recoveries())
def test_a_continent_is_served_by_one_primary_and_by_no_other_region(
    recovery: Mapping[str, str | None],
) -> None:
    served = continents(Traffic(), recovery)
    every = [each for continent in served.values() for each in continent]
    assert len(every) == len(set(every))
    assert set(served) == set(recovery)
    for region, own in served.items():
        assert set(own) <= set(NEAREST[region])


@few
@given(st.lists(st.sampled_from(NAMES), max_size=8))
def test_a_keyspace_is_accepted_exactly_when_aws_would(regions: list[str]) -> None:
    right = not regions or (2 <= len(regions) <= 6 and len(set(regions)) == len(regions))
    assert _accepted(WideColumn, {"regions": regions}) == right


@few
@given(st.lists(st.sampled_from(NAMES), max_size=12), st.integers(1, 17))
def test_a_global_database_is_accepted_exactly_when_aws_would(regions: list[str], instances: int) -> None:
    count = len(regions)
    right = count <= 10 and len(set(regions)) == count and instances <= (16 - count if count else 16)
    assert _accepted(Relational, {"secondary_regions": regions, "instances": instances}) == right


def _targets(environment: Environment) -> dict[str, tuple[str, ...]]:
    replication = environment.data.replication
    if replication is None:
        return {}
    recovery = {each.name: each.recovery for each in environment.primaries}
    return targets(replication.copies, recovery, [each.name for each in environment.regions])


def _accepted(model: type[Any], fields: dict[str, Any]) -> bool:
    try:
        model.model_validate(fields)
    except ValueError:
        return False
    return True
