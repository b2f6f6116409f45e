"""Answers for known videos: rendered once, remembered, and given out many times.

    Medium ──render──► Answer, with links that are signed for a while ──► remembered by URL key (this process's memory)
                                                                     └──► remembered by the bytes that Valkey holds

The second table serves requests that the first does not (it is off, or its time is up): Valkey says what is true now,
and equal bytes have equal answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from reelplane_crds.runtime import ApiSettings
from reelplane_workloads.api import views
from reelplane_workloads.api.answers import Answer
from reelplane_workloads.api.bounded import Bounded
from reelplane_workloads.storage.objects import Objects
from reelplane_workloads.storage.signing import UrlMemo, UrlSigner
from reelplane_workloads.store.model import Medium

LINK_REUSE = 30.0
"""Seconds one rendered answer is given out: its links keep three quarters of their lifetime, less this."""

STALE_FOR = 600.0
"""Seconds beyond its time for which a remembered hit still answers while Valkey is away. Retention is days."""

_HEADERS = ((b"content-type", b"application/json"),)
"""No Cache-Control: the answer to a POST is kept by no cache unless it says so (RFC 9110 section 9.3.3)."""


@dataclass(slots=True)
class Rendered:
    medium: Medium
    answer: Answer
    until: float
    """Monotonic seconds at which the links are to be signed anew."""


@dataclass(slots=True)
class Remembered:
    rendered: Rendered
    fresh_until: float
    """Monotonic seconds."""


class Hits:
    def __init__(
        self,
        settings: ApiSettings,
        objects: Objects,
        signer: UrlSigner,
        *,
        monotonic: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._ttl = settings.memory_cache_ttl
        self._link_ttl = settings.media_url_ttl
        self._objects = objects
        # Where media are passed through, the store may be out of clients' reach: no link leads there.
        self._own_links = UrlMemo.of(signer) if settings.media_delivery == "stream" else None
        self._monotonic = monotonic
        self._wall = wall
        self._by_key: Bounded[str, Remembered] = Bounded(settings.memory_cache_entries if self._ttl else 0)
        self._by_bytes: Bounded[bytes, Rendered] = Bounded(settings.memory_cache_entries)
        self._decode = msgspec.json.Decoder(Medium).decode
        self._encode = msgspec.json.Encoder().encode

    def remembered(self, url_key: str, now: float) -> Answer | None:
        """The answer, if this process knows it and its time is not up. ``now``: monotonic seconds."""
        entry = self._by_key.get(url_key)
        if entry is None or now >= entry.fresh_until:
            return None
        return self._current(entry.rendered, now)

    def stale(self, url_key: str) -> Answer | None:
        """The answer for when nothing better can be had."""
        now = self._monotonic()
        entry = self._by_key.get(url_key)
        if entry is None or now >= entry.fresh_until + STALE_FOR:
            return None
        return self._current(entry.rendered, now)

    def from_bytes(self, url_key: str, encoded: bytes) -> Answer:
        """The answer for a medium as Valkey holds it."""
        rendered = self._by_bytes.get(encoded)
        if rendered is None:
            rendered = self._render(self._decode(encoded))
            self._by_bytes.put(encoded, rendered)
        return self._remember(url_key, rendered)

    def of(self, url_key: str, medium: Medium) -> Answer:
        """The answer for a medium as the database holds it."""
        return self._remember(url_key, self._render(medium))

    def sign(self, key: str, filename: str | None = None) -> str:
        """A link to the object for as long as the platform's links last."""
        if self._own_links is not None:
            return self._own_links.sign_cached(key, self._link_ttl, filename, self._wall())
        return self._objects.sign(key, ttl=self._link_ttl, filename=filename, now=self._wall())

    def _remember(self, url_key: str, rendered: Rendered) -> Answer:
        now = self._monotonic()
        if self._ttl:
            self._by_key.put(url_key, Remembered(rendered, now + self._ttl))
        return self._current(rendered, now)

    def _current(self, rendered: Rendered, now: float) -> Answer:
        if now >= rendered.until:
            fresh = self._render(rendered.medium)
            rendered.answer, rendered.until = fresh.answer, fresh.until
        return rendered.answer

    def _render(self, medium: Medium) -> Rendered:
        body = self._encode({"state": "done", "media": views.media(medium, self.sign)})
        return Rendered(medium, Answer(200, _HEADERS, body), self._monotonic() + LINK_REUSE)
