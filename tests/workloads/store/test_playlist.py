"""A playlist becomes one job per entry for everybody who asked for it; entries share flights with all others."""

from __future__ import annotations

from typing import Any

from reelplane_workloads.store.model import Entry, Options, Priority


def _entries(*keys: str) -> list[Entry]:
    return [Entry(f"http://example.com/{key}", key, Options(), title=key) for key in keys]


async def test_each_who_asked_gets_each_entry_in_order(store: Any) -> None:
    playlist = await store.running("list", "ann", playlist=True)
    parents = {name: (await store.accept("list", name, playlist=True)).job_id for name in ("ann", "bob")}
    new = await store.repo.expand_playlist(playlist.id, playlist.attempt, "Mix", _entries("c", "a", "b"))
    assert [flight.url_key for flight in sorted(new, key=lambda flight: flight.url_key)] == ["a", "b", "c"]
    assert {flight.priority for flight in new} == {Priority.LOW}
    for name, parent in parents.items():
        view = await store.repo.job(parent, name)
        assert (view.flight.state, view.flight.result) == ("done", {"playlist": {"title": "Mix", "count": 3}})
        assert [item.flight.url_key for item in view.items] == ["c", "a", "b"]
        assert {item.principal for item in view.items} == {name}


async def test_entries_share_flights_and_media_with_everybody(store: Any) -> None:
    underway = await store.accept("underway", "bob")
    await store.landed("known", "site:1", "bob")
    playlist = await store.running("list", "ann", playlist=True)
    parent = (await store.accept("list", "ann", playlist=True)).job_id
    new = await store.repo.expand_playlist(
        playlist.id, playlist.attempt, "Mix", _entries("known", "underway", "new")
    )
    assert [flight.url_key for flight in new] == ["new"]
    known, shared, _ = (await store.repo.job(parent, "ann")).items
    assert (known.flight.state, known.medium.identity) == ("done", "site:1")
    assert shared.flight.id == underway.flight_id


async def test_an_entry_listed_twice_is_one_item(store: Any) -> None:
    playlist = await store.running("list", "ann", playlist=True)
    parent = (await store.accept("list", "ann", playlist=True)).job_id
    await store.repo.expand_playlist(playlist.id, playlist.attempt, "Mix", _entries("a", "b", "a"))
    assert [item.flight.url_key for item in (await store.repo.job(parent, "ann")).items] == ["a", "b"]


async def test_who_cancelled_gets_no_items(store: Any) -> None:
    playlist = await store.running("list", "ann", playlist=True)
    bob = (await store.accept("list", "bob", playlist=True)).job_id
    await store.repo.cancel(bob, "bob")
    await store.repo.expand_playlist(playlist.id, playlist.attempt, "Mix", _entries("a"))
    assert (await store.repo.job(bob, "bob")).items == ()
    assert await store.rows("SELECT principal FROM jobs WHERE parent_id <> ''") == [("ann",)]


async def test_a_playlist_that_lists_itself_does_not_wait_for_itself(store: Any) -> None:
    playlist = await store.running("list", "ann", playlist=True)
    (item,) = await store.repo.expand_playlist(playlist.id, playlist.attempt, "Mix", _entries("list"))
    assert (item.state, item.id != playlist.id) == ("queued", True)
