"""The servers that are run for a platform's stores, each a workload of its own.

On one machine a single Valkey plays cache and queue when both are embedded: it evicts only keys with a time to
live (``volatile-lfu``) and writes its append-only file every second. On a cluster each part is a pod of its
own, since there a cache may use all its memory and be lost without touching the queue; and a database and
objects, which are files on one machine, are servers there, since pods share no files.
"""

from __future__ import annotations

from pathlib import Path

from reelplane_crds.kinds import VideoPlatform
from reelplane_plan.builders import placement
from reelplane_plan.placement import Resources
from reelplane_plan.servers import EmbeddedServer, ObjectServer, PostgresServer, ValkeyServer
from reelplane_plan.types import (
    Endpoint,
    Facts,
    HttpProbe,
    Layout,
    PingProbe,
    Policy,
    Probe,
    Workload,
)

_QUEUE_MEMORY = 256 * 2**20
"""Bytes for the queue alone: a waiting job takes under 1 KiB there, so this is some 250,000 of them."""
_GRACE = 30
"""Seconds on a cluster: a PostgreSQL ends its sessions and writes a checkpoint."""
_PORTS = {"database": 5432, "objects": 9000}
_VALKEY_PORT = 6379
_POSTGRES = Resources("250m", "256Mi", "1Gi")
_OBJECTS = Resources("250m", "128Mi", "1Gi")


def socket_path(layout: Layout, name: str) -> Path:
    return layout.sockets / f"{name}.sock"


def valkey_options(server: ValkeyServer) -> tuple[str, ...]:
    """Command-line options that make a Valkey server play its parts. The same here and on a cluster."""
    options = ["--maxmemory", str(server.memory), "--maxmemory-policy", server.eviction, "--save", ""]
    if server.durable:
        return (*options, "--appendonly", "yes", "--appendfsync", "everysec")
    return (*options, "--appendonly", "no")


def build(platform: VideoPlatform, facts: Facts) -> tuple[Workload, ...]:
    """The servers to run: one for each embedded store that is not a file."""
    spec = platform.spec
    memory = spec.cache.embedded.memory.bytes if spec.cache.embedded else 0
    if facts.target == "local" and spec.cache.embedded and spec.queue.embedded:
        both = ValkeyServer(("cache", "queue"), memory + _QUEUE_MEMORY)
        return (_valkey(platform, facts, "valkey", both),)
    made = []
    if spec.cache.embedded:
        made.append(_valkey(platform, facts, "cache", ValkeyServer(("cache",), memory)))
    if spec.queue.embedded:
        made.append(_valkey(platform, facts, "queue", ValkeyServer(("queue",), _QUEUE_MEMORY)))
    if facts.target == "cluster" and spec.database.embedded:
        database = PostgresServer(volume=str(spec.database.embedded.size))
        made.append(_server(platform, facts, "database", database, _POSTGRES))
    if facts.target == "cluster" and spec.objects.embedded:
        objects = ObjectServer(volume=str(spec.objects.embedded.size))
        made.append(_server(platform, facts, "objects", objects, _OBJECTS))
    return tuple(made)


def _valkey(platform: VideoPlatform, facts: Facts, name: str, server: ValkeyServer) -> Workload:
    mebibytes = -(-server.memory // 2**20)
    # A rewrite of the append-only file forks: pages changed meanwhile are held twice.
    resources = Resources("100m", f"{mebibytes + 64}Mi", f"{mebibytes * 2 + 64}Mi")
    return _server(platform, facts, name, server, resources)


def _server(
    platform: VideoPlatform,
    facts: Facts,
    name: str,
    server: EmbeddedServer,
    resources: Resources,
) -> Workload:
    """A server opens no connection of its own, so it reaches nothing."""
    probe: Probe = PingProbe(socket_path(facts.layout, name)) if facts.target == "local" else HttpProbe()
    own = placement.own(facts, placement.SERVING)
    placed, given = placement.build((platform.spec.pods,), own, resources)
    return Workload(
        name=name,
        owner=platform.metadata.name,
        role="store",
        server=server,
        endpoint=Endpoint(name, f"{platform.metadata.name}-{name}", _PORTS.get(name, _VALKEY_PORT)),
        probe=probe,
        policy=Policy(drain_stage=2) if facts.target == "local" else Policy(drain_stage=2, grace=_GRACE),
        resources=given,
        placement=placed,
    )
