"""The world: whatever the order of events, the newest word about an object counts, and the right keys are told."""

from __future__ import annotations

import itertools

from reelplane_operator.reconcile.keys import PIPELINE, PLATFORM, POOL, ChildId, Key
from reelplane_operator.reconcile.world import World
from tests.operator.reconcile.objects import child, resource

REELS = Key(PLATFORM, "default", "reels")
SHORTS = Key(PIPELINE, "default", "shorts")
PROXIES = Key(POOL, "default", "residential")
MAP = ChildId("v1", "ConfigMap", "reels-api")


def _world() -> World:
    world = World()
    world.see(resource(PLATFORM, "reels", database={"postgres": {"urlFrom": {"secret": "db", "key": "url"}}}))
    world.see(
        resource(PIPELINE, "shorts", platform="reels", workers={"download": {"proxies": "residential"}})
    )
    world.see(resource(POOL, "residential", endpointsFrom={"secret": "proxies", "key": "list"}))
    return world


def test_what_is_planned_together_is_told_together() -> None:
    world = _world()
    assert world.affected_by(REELS) == {REELS, SHORTS}
    assert world.affected_by(PROXIES) == {REELS, SHORTS, PROXIES}
    assert world.affected_by(SHORTS) == {REELS, SHORTS, PROXIES}
    assert world.users_of_secret("default", "db") == {REELS, SHORTS}
    assert world.users_of_secret("default", "proxies") == {REELS, SHORTS, PROXIES}
    assert world.users_of_secret("default", "other") == set()


def test_a_pipeline_that_leaves_a_pool_concerns_that_pool() -> None:
    world = _world()
    changed = resource(PIPELINE, "shorts", platform="reels", version=2)
    changed["metadata"]["generation"] = 2
    assert PROXIES in world.see(changed)
    assert world.users_of_pool(PROXIES) == []


def test_an_older_word_changes_nothing() -> None:
    world = World()
    world.see_child(child("VideoPlatform.reels", "ConfigMap", "reels-api", version=5, fields={"f:new": {}}))
    assert world.see_child(child("VideoPlatform.reels", "ConfigMap", "reels-api", version=4)) == set()
    assert world.children(REELS)[MAP].version == 5


def test_the_answer_to_a_write_does_not_bring_a_deleted_child_back() -> None:
    world = World()
    written = child("VideoPlatform.reels", "ConfigMap", "reels-api", version=5)
    world.see_child(written)
    world.lose_child(child("VideoPlatform.reels", "ConfigMap", "reels-api", version=6))
    assert world.see_child(written) == set()
    assert world.children(REELS) == {}


def test_a_child_whose_labels_were_taken_comes_back_with_them() -> None:
    world = World()
    world.see_child(child("VideoPlatform.reels", "ConfigMap", "reels-api", version=5))
    # A watch by label reports the loss of the label as a deletion, at the version of that change.
    assert world.lose_child(child("VideoPlatform.reels", "ConfigMap", "reels-api", version=6)) == {REELS}
    world.see_child(child("VideoPlatform.reels", "ConfigMap", "reels-api", version=7))
    assert MAP in world.children(REELS)


def test_every_order_of_events_ends_in_the_same_view() -> None:
    seen = [
        child("VideoPlatform.reels", "ConfigMap", "reels-api", version=n, fields={f"f:{n}": {}})
        for n in (1, 2, 3)
    ]
    ends = set()
    for order in itertools.permutations([*seen, seen[1]]):
        world = World()
        for each in order:
            world.see_child(each)
        ends.add(world.children(REELS)[MAP])
    assert len(ends) == 1


def test_our_own_writes_and_others_statuses_wake_nobody() -> None:
    world = World()
    obj = child("VideoPlatform.reels", "ConfigMap", "reels-api", version=5)
    assert world.see_child(obj) == {REELS}
    assert world.see_child({**obj, "metadata": {**obj["metadata"], "resourceVersion": "6"}}) == set()
    platform = resource(PLATFORM, "reels")
    world.see(platform)
    assert world.see(platform) == set()


def test_pipelines_are_listed_oldest_first() -> None:
    world = World()
    for name, created in (("b", "2026-01-02"), ("a", "2026-01-02"), ("z", "2026-01-01")):
        obj = resource(PIPELINE, name, platform="reels")
        obj["metadata"]["creationTimestamp"] = f"{created}T00:00:00Z"
        world.see(obj)
    assert [each.key.name for each in world.pipelines_of(REELS)] == ["z", "a", "b"]


def test_a_platform_counts_the_pods_of_its_pipelines() -> None:
    assert _world().platforms_of({SHORTS, PROXIES}) == {REELS}
