"""Caches against a real Valkey server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from reelplane_crds.runtime import Rate, ServerRef
from reelplane_workloads.cache import Cache
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.store.model import Medium

THREE_PER_MINUTE = Rate(count=3, per=60)


@pytest.fixture
def rate() -> Rate:
    return THREE_PER_MINUTE


@pytest.fixture
def medium() -> Medium:
    return Medium(
        identity="youtube:abc",
        key="ab/abc.mp4",
        content_type="video/mp4",
        size=1234,
        duration=6.0,
        width=1280,
        height=720,
        title="Ein Fähnchen \U0001f6a9",
        extractor="youtube",
        webpage_url="https://example.com/v/abc",
    )


@pytest.fixture
async def cache(valkey: Any) -> AsyncIterator[Cache]:
    opened = Cache(ServerRef(url=valkey.url), "reels")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def other(valkey: Any) -> AsyncIterator[Cache]:
    """The same platform's cache as another process sees it."""
    opened = Cache(ServerRef(url=valkey.url), "reels")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def recovered() -> Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]:
    """Repeats a call until Valkey is back for it. Fails after 20 s."""

    async def wait(call: Callable[[], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(20):
            while True:
                try:
                    return await call()
                except Problem:
                    await asyncio.sleep(0.05)

    return wait


@pytest.fixture
def eventually() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """Waits until what is asked is true. Fails after 20 s."""

    async def wait(ask: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(20):
            while True:
                if await ask():
                    return
                await asyncio.sleep(0.05)

    return wait
