"""What is declared is all that counts: not the way there, not who was there before, not what was refused meanwhile.

For platforms as Hypothesis draws them from the schemas, each in a namespace of its own on a real API server.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from reelplane_crds.kinds import ProxyPool, VideoPipeline, VideoPlatform
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.errors import ApiError
from tests.operator.properties.conftest import Play, Stage, comparable, declared, drawn, platforms
from tests.operator.reconcile.conftest import Object
from tests.operator.reconcile.state import State, ends_as
from tests.testbed.drawn import written
from tests.testbed.strategies import near_valid

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

Specs = tuple[Object, Object, Object]


def with_extractor_of(specs: Specs, other: Specs) -> Specs:
    """Another version of the extractor is a trial that takes its time, there and back: not what this is about."""
    platform = {key: each for key, each in specs[0].items() if key != "extractor"}
    extractor = {"extractor": other[0]["extractor"]} if "extractor" in other[0] else {}
    return platform | extractor, *specs[1:]


def without_leftover_secrets(expected: State) -> Callable[[State], State]:
    """Generated Secrets stay when what used them goes: a volume may need the old password again."""

    def seen(found: State) -> State:
        return {
            name: obj
            for name, obj in comparable(found).items()
            if name in expected or "reelplane.io/generated" not in obj["metadata"].get("annotations", {})
        }

    return seen


async def test_at_the_fixed_point_nothing_is_written(play: Play[Specs, int]) -> None:
    async def story(stage: Stage, specs: Specs) -> int:
        await stage.ready(declared(*specs))
        before = len(stage.running.writes)
        again = await stage.restart()
        await again.at_rest(calm=2.5)
        assert again.writes == []
        await stage.site.annotate(resources.PLATFORMS, "reels", "reelplane.io/requestedAt", "now")
        await again.at_rest()
        assert again.writes == []
        return before

    writes = await play(story, drawn(platforms(), 6))
    print(f"\n{len(writes)} platforms, made by {sum(writes)} writes: none after a restart")


async def test_there_and_back_ends_as_it_was(play: Play[tuple[Specs, Specs], tuple[int, int]]) -> None:
    async def story(stage: Stage, both: tuple[Specs, Specs]) -> tuple[int, int]:
        one, other = both[0], with_extractor_of(both[1], both[0])
        before = await stage.ready(declared(*one))
        made = set(await stage.site.children())
        await stage.done(declared(*other))
        between = set(await stage.site.children())
        await stage.apply(declared(*one))
        await ends_as(stage.site, before, "there and back", without_leftover_secrets(before))
        return len(made - between), len(between - made)

    found = await play(story, drawn(st.tuples(platforms(), platforms()), 6))
    gone, new = (sum(each) for each in zip(*found, strict=True))
    assert gone > 0
    assert new > 0
    print(
        f"\n{len(found)} pairs of platforms: back as they were; {gone} children were pruned on the way and came back,"
        f" {new} others came and were pruned"
    )


def _no_such_pool(specs: Specs) -> str:
    specs[1].setdefault("workers", {}).setdefault("download", {})["proxies"] = "nowhere"
    return "VideoPipeline"


def _no_such_secret(specs: Specs) -> str:
    specs[0]["cache"] = {"external": {"urlFrom": {"secret": "nowhere", "key": "url"}}}
    return "VideoPlatform"


def _no_such_key(specs: Specs) -> str:
    specs[0]["queue"] = {"external": {"urlFrom": {"secret": "all", "key": "nowhere"}}}
    return "VideoPlatform"


def _no_url(specs: Specs) -> str:
    specs[0]["database"] = {"postgres": {"urlFrom": {"secret": "all", "key": "other"}}}
    return "VideoPlatform"


def _no_gateway_api(specs: Specs) -> str:
    specs[0].update(domain="reels.example.com", gateway={"parent": "public"})
    return "VideoPlatform"


STALLING = (_no_such_pool, _no_such_secret, _no_such_key, _no_url, _no_gateway_api)
"""Mistakes that only the operator can see: each puts one into specs, and says whose it is."""


async def test_what_cannot_be_carried_out_touches_no_child(
    play: Play[tuple[Specs, Specs], int],
) -> None:
    async def story(stage: Stage, both: tuple[Specs, Specs]) -> int:
        one, other = both[0], with_extractor_of(both[1], both[0])
        before = await stage.ready(declared(*one))
        for mistake in STALLING:
            wrong = copy.deepcopy(other)
            kind = mistake(wrong)
            writes = len(stage.running.writes)
            # Only the object with the mistake: between any other two the platform would be a valid third one.
            await stage.apply([each for each in declared(*wrong) if each["kind"] == kind])
            type, name = (
                (resources.PLATFORMS, "reels") if kind == "VideoPlatform" else (resources.PIPELINES, "shorts")
            )
            await stage.site.becomes(type, name, "Stalled")
            await stage.running.at_rest()
            # Not even what is right about the new specs reaches a child.
            made = stage.running.writes[writes:]
            assert [each for each in made if each.subresource != "status"] == [], mistake.__name__
            await stage.apply(declared(*one))
            await ends_as(stage.site, before, mistake.__name__, comparable)
        return len(STALLING)

    found = await play(story, drawn(st.tuples(platforms(), platforms()), 3))
    print(
        f"\n{len(found)} platforms, {sum(found)} times stalled and mended: children untouched, and as they were"
    )


async def test_what_the_api_server_refuses_is_as_if_it_had_not_been_said(
    play: Play[Specs, int],
) -> None:
    names = {VideoPlatform: "reels", VideoPipeline: "shorts", ProxyPool: "pool"}
    wrong: list[Any] = [
        written(kind.__name__, name, spec)
        for kind, name in names.items()
        for spec in drawn(near_valid(kind), 12)
    ]

    async def story(stage: Stage, specs: Specs) -> int:
        before = await stage.ready(declared(*specs))
        writes = len(stage.running.writes)
        for each in wrong:
            with pytest.raises(ApiError):
                await stage.site.apply(each)
        await stage.running.at_rest()
        assert len(stage.running.writes) == writes
        await ends_as(stage.site, before, "after refusals", comparable)
        return len(wrong)

    found = await play(story, drawn(platforms(), 2))
    print(f"\n{len(found)} platforms, {sum(found)} specs refused: nothing was written, nothing changed")
