"""The hot path: a known video asked for again, answered by one API process on one core."""

from __future__ import annotations

import json

import redis

from loadtests.bench import servers
from loadtests.bench.result import Result
from loadtests.bench.wrk import CONNECTIONS, Request, in_turns

BASELINES = "loadtests.bench.baselines"


def hot_valkey() -> Result:
    """Answered by one lookup in Valkey, the in-process layer off, against a raw application's one GET."""
    with servers.workspace() as folder, servers.platform_with_clip(folder) as (platform, url):
        document = servers.document(platform, "api", folder, api={"memory_cache_ttl": 0})
        cache = json.loads(document.read_text())["stores"]["cache"]["url"]
        key = _known_key(cache)
        baseline = servers.server(BASELINES, "valkey", "--valkey", cache, "--key", key)
        with servers.api(document) as ours, baseline as raw:
            value, base = in_turns(_ask(ours, url), _ask(raw, url))
    return Result(value, "req/s", base, ">= 0.9 x raw ASGI + one Valkey GET", value >= 0.9 * base, _note())


def hot_memory() -> Result:
    """Answered from the process's own memory, against a raw application's 302 from memory."""
    with servers.workspace() as folder, servers.platform_with_clip(folder) as (platform, url):
        document = servers.document(platform, "api", folder)
        with servers.api(document) as ours, servers.server(BASELINES, "memory") as raw:
            value, base = in_turns(_ask(ours, url), _ask(raw, url))
    return Result(value, "req/s", base, ">= 0.7 x raw ASGI 302 from memory", value >= 0.7 * base, _note())


def _ask(base: str, url: str) -> Request:
    """The same request to both: what a client sends."""
    headers = {"Content-Type": "application/json", "Cookie": "theme=dark"}
    return Request(f"{base}/v1/downloads", "POST", json.dumps({"url": url}), headers)


def _known_key(cache: str) -> str:
    """The one key under which the clip is known: what the baseline gets has the same size."""
    client = redis.Redis.from_url(cache)
    keys = [key for key in client.scan_iter("rp:*:u:*") if (client.get(key) or b"")[:1] == b"m"]
    return str(keys[0].decode())


def _note() -> str:
    return f"POST of a known URL, wrk -c{CONNECTIONS}, one core each for server and wrk, medians in turns"
