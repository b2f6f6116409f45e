"""``Cache``: all that the workloads ask of Valkey, except for the queue.

Keys begin with ``rp:{<platform>}:``; the braces keep one platform's keys in one cluster slot, which scripts with
several keys need, and apart from another platform's on the same server.

    u:<url key>            what is known of a URL: m<Medium as JSON> | f<flight id> | x<code>\\n<detail>
    i:<url key>            extracted info as JSON
    l:<client>             a rate limit bucket (gcra.lua)
    e:<flight id>          hash: the flight's last event;   channel ev:<flight id>: each event
    n                      hash: counters for the page;     channel stop: ids of flights to stop
    p                      how the proxy pool stands, as the workers say it (JSON)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

import hiredis
import msgspec
from redis.asyncio import Redis

from reelplane_crds.runtime import Rate, ServerRef
from reelplane_workloads.cache import scripts
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.calls import Calls
from reelplane_workloads.cache.client import connect, guarded
from reelplane_workloads.cache.events import Hub, Subscription, final
from reelplane_workloads.cache.model import Failed, Hit, InFlight, Limited, Lookup, Miss
from reelplane_workloads.cache.wire import Wire, encode
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.store.model import Medium

FLIGHT_TTL = 900
"""Seconds a flight is believed without news: longer than a job may take (600 s) with its retries' back-off."""
INFO_TTL = 3600
EVENT_TTL = 3600
COUNT_EVERY = 1.0
"""Seconds between writes of the counters that a process adds up in its memory."""
_MEDIUM, _FLIGHT = ord("m"), ord("f")
_SECOND = 1_000_000


class Cache:
    """One per process. Every method may raise ``Problem(UNAVAILABLE, retry_after=2)`` when Valkey is away.

    A call takes at most 2 s, also when the server hangs. No method must be used before ``open``.
    """

    def __init__(self, ref: ServerRef, platform: str) -> None:
        """Raises ValueError for a URL of another scheme, OSError when the password file cannot be read."""
        self._address = Address.of(ref)
        self.prefix = f"rp:{{{platform}}}:"
        self.client: Redis = connect(self._address)
        """For rooms that keep keys of their own under ``prefix``; wrap its calls in ``guarded``."""
        self._wire = Wire(self._address)
        self._calls = Calls(self._wire, self._address)
        self._hub = Hub(self._address, self.client, self.prefix, self._read_last)
        self._counts: Counter[str] = Counter()
        self._counter_task: asyncio.Task[None] | None = None
        self._load_lookup = encode("SCRIPT", "LOAD", scripts.LOOKUP.source)
        # The parts of the hot command that never change; a command is a list of length-prefixed strings.
        head = encode("EVALSHA", scripts.LOOKUP.sha, 2)[len(b"*3\r\n") :]
        self._lookup_head = b"*9\r\n" + head
        self._url_prefix = f"{self.prefix}u:".encode()
        self._bucket_prefix = f"{self.prefix}l:".encode()
        self._tail_of: tuple[Rate, int, int] | None = None
        self._tail = b""

    async def open(self) -> None:
        """Connect. Does not raise when Valkey is away: the connection comes up when the server does."""
        await self._wire.open()
        self._counter_task = asyncio.create_task(self._write_counts(), name="cache-counters")

    async def close(self) -> None:
        """Write the counters a last time and disconnect."""
        if self._counter_task is not None:
            self._counter_task.cancel()
            await asyncio.gather(self._counter_task, return_exceptions=True)
            with contextlib.suppress(Problem):
                await self._write_counts_once()
        await self._hub.close()
        await self._wire.close()
        await self.client.aclose()

    async def ping(self) -> None:
        """Return when Valkey answers. Raises Problem(UNAVAILABLE)."""
        await self._calls.ask(encode("PING"))

    # What is known of a URL

    async def lookup(self, url_key: str, client: str, rate: Rate, cost: int = 1, claim: int = 0) -> Lookup:
        """What is known of the URL, in this order: Hit, InFlight, Failed; else Miss or Limited by GCRA.

        One round trip; the calls of one event-loop tick share one write. Only a Miss takes ``cost`` tokens of the
        client's bucket, which ``client`` names: who limits several things apart prefixes it. With ``claim`` (seconds)
        a Miss also claims the URL: until ``put_flight``, ``put_medium`` or ``drop_flight`` others are told InFlight
        with an empty id.
        """
        if self._tail_of != (rate, cost, claim):
            self._tail_of = (rate, cost, claim)
            self._tail = _bulk(_interval(rate), rate.count, cost, claim)
        key, bucket = self._url_prefix + url_key.encode(), self._bucket_prefix + client.encode()
        payload = b"%b$%d\r\n%b\r\n$%d\r\n%b\r\n%b" % (
            self._lookup_head,
            len(key),
            key,
            len(bucket),
            bucket,
            self._tail,
        )
        try:
            reply = await self._wire.call(payload)
        except hiredis.ReplyError as error:
            reply = await self._calls.load_and_retry(error, self._load_lookup, payload)
        if type(reply) is bytes:
            kind = reply[0]
            if kind == _MEDIUM:
                return Hit(reply[1:])
            return InFlight(reply[1:].decode())
        if type(reply[0]) is bytes:
            code, _, detail = reply[0][1:].decode().partition("\n")
            return Failed(code, detail, max(1, reply[1]))
        allowed, remaining, reset, retry_after = reply
        if allowed:
            return Miss(remaining, _seconds(reset))
        return Limited(_seconds(retry_after), remaining, _seconds(reset), rate.count)

    async def put_medium(self, url_keys: Sequence[str], medium: Medium, ttl: int) -> None:
        """The URLs lead to this medium for ``ttl`` seconds (at least 1): until it expires, or less."""
        await self._put(url_keys, b"m" + msgspec.json.encode(medium), ttl)

    async def put_flight(self, url_key: str, flight_id: str, ttl: int = FLIGHT_TTL) -> None:
        """The URL is in flight. Does nothing where a medium or a failure is known already."""
        await self._put([url_key], b"f" + flight_id.encode(), ttl)

    async def put_failure(self, url_key: str, code: str, detail: str, ttl: int) -> None:
        """The URL failed; ask again in ``ttl`` seconds. Does nothing where a medium is known."""
        await self._put([url_key], b"x" + f"{code}\n{detail}".encode(), ttl)

    async def drop_flight(self, url_keys: Sequence[str]) -> None:
        """The URLs are no longer in flight (cancelled, or over without a result to keep)."""
        if url_keys:
            await self._calls.run(scripts.DROP_FLIGHT, [f"{self.prefix}u:{key}" for key in url_keys])

    async def get_info(self, url_key: str) -> dict[str, Any] | None:
        async with guarded(self._address):
            raw = await self.client.get(f"{self.prefix}i:{url_key}")
        return None if raw is None else msgspec.json.decode(raw, type=dict[str, Any])

    async def put_info(self, url_key: str, info: Mapping[str, Any], ttl: int = INFO_TTL) -> None:
        async with guarded(self._address):
            await self.client.set(f"{self.prefix}i:{url_key}", msgspec.json.encode(info), ex=max(1, ttl))

    async def refund(self, client: str, rate: Rate, cost: int = 1) -> None:
        """Give tokens back that a Miss took, when the database knew better and nothing new was started."""
        await self._calls.run(scripts.REFUND, [f"{self.prefix}l:{client}"], _interval(rate), rate.count, cost)

    # Events

    async def publish(self, flight_id: str, event: Mapping[str, Any]) -> None:
        """Keep the event as the flight's last one (1 h) and send it to all who subscribed.

        ``event["state"]`` is a FlightState; with an inactive one it is the flight's last word, after which nothing
        is kept or sent any more.
        """
        encoded = msgspec.json.encode({**event, "flight": flight_id})
        channel = f"{self.prefix}ev:{flight_id}"
        keys = [f"{self.prefix}e:{flight_id}"]
        await self._calls.run(scripts.PUBLISH, keys, channel, encoded, int(final(event)), EVENT_TTL)

    async def last(self, flight_id: str) -> dict[str, Any] | None:
        """The flight's last event, or None when none is known."""
        numbered = await self._read_last(flight_id)
        return None if numbered is None else msgspec.json.decode(numbered[1], type=dict[str, Any])

    def subscribe(self, flight_id: str) -> Subscription:
        """The flight's events: its last one at once, then each new one; ends after the last word.

        Survives that Valkey goes and comes back. It may then have missed events, though not the last word unless
        Valkey's data was lost with it: who must not wait forever asks ``next(timeout)`` and reads the database.
        """
        return self._hub.subscribe(flight_id)

    async def tell_stop(self, flight_id: str) -> None:
        """Tell all workers to stop the flight. A hint: a worker that was cut off asks ``Repository.wanted``."""
        async with guarded(self._address):
            await self.client.publish(f"{self.prefix}stop", flight_id)

    def stops(self) -> AsyncIterator[str]:
        """Ids of flights to stop, as they are told from now on. Does not end."""
        return self._hub.stops()

    # Counters

    def count(self, name: str, n: int = 1) -> None:
        """Add to a platform-wide counter; written within a second or so, by one command for all of a process."""
        self._counts[name] += n

    async def counters(self) -> dict[str, int]:
        """All counters since the cache was last empty."""
        async with guarded(self._address):
            raw = await self.client.hgetall(f"{self.prefix}n")
        return {cast(bytes, name).decode(): int(value) for name, value in raw.items()}

    # Figures

    async def tell_proxies(self, figures: Mapping[str, int], ttl: int) -> None:
        """Say how the proxy pool stands; believed for ``ttl`` seconds."""
        async with guarded(self._address):
            await self.client.set(f"{self.prefix}p", msgspec.json.encode(figures), ex=ttl)

    async def proxies(self) -> dict[str, int] | None:
        """How the proxy pool stands; None while nobody says."""
        async with guarded(self._address):
            raw = await self.client.get(f"{self.prefix}p")
        return None if raw is None else msgspec.json.decode(raw, type=dict[str, int])

    async def _put(self, url_keys: Sequence[str], value: bytes, ttl: int) -> None:
        if url_keys:
            await self._calls.run(
                scripts.RECORD, [f"{self.prefix}u:{key}" for key in url_keys], value, max(1, ttl)
            )

    async def _read_last(self, flight_id: str) -> tuple[int, bytes] | None:
        async with guarded(self._address):
            number, event = await self.client.hmget(f"{self.prefix}e:{flight_id}", ["number", "event"])
        return None if number is None or event is None else (int(number), cast(bytes, event))

    async def _write_counts(self) -> None:
        while True:
            await asyncio.sleep(COUNT_EVERY)
            with contextlib.suppress(Problem):  # they are kept and written when Valkey is back
                await self._write_counts_once()

    async def _write_counts_once(self) -> None:
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            async with guarded(self._address), self.client.pipeline(transaction=True) as pipe:
                for name, n in counts.items():
                    pipe.hincrby(f"{self.prefix}n", name, n)
                await pipe.execute()
        except BaseException:
            self._counts.update(counts)
            raise


def _interval(rate: Rate) -> int:
    """Emission interval: whole microseconds between two tokens."""
    return max(1, rate.per * _SECOND // rate.count)


def _seconds(microseconds: int) -> int:
    """Rounded up, so that who waits that long has waited long enough."""
    return -(-microseconds // _SECOND)


def _bulk(*parts: str | bytes | int) -> bytes:
    """The parts as length-prefixed strings, without the command's own header."""
    return encode(*parts).partition(b"\r\n")[2]
