"""The stores of a platform: where state lives, and the Valkey servers that are run for it.

On one machine a single Valkey plays cache and queue when both are embedded: it evicts only keys with a time to
live (``volatile-lfu``) and writes its append-only file every second. On a cluster each part is a pod of its
own, since there a cache may use all its memory and be lost without touching the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reelplane_crds.kinds import VideoPlatform
from reelplane_crds.kinds.videoplatform import S3, Cache, Queue
from reelplane_crds.runtime import FolderObjects, S3Objects, ServerRef, Stores
from reelplane_plan.secrets import SecretReader, Server
from reelplane_plan.types import (
    Endpoint,
    Facts,
    HttpProbe,
    Layout,
    PingProbe,
    Policy,
    Problem,
    Resources,
    SecretFile,
    SecretText,
    ValkeyServer,
    Workload,
)

_REDIS = ("redis", "rediss")
_POSTGRES = ("postgresql", "postgres")
_QUEUE_MEMORY = 256 * 2**20
"""Bytes for the queue alone: a waiting job takes under 1 KiB there, so this is some 250,000 of them."""

Part = Literal["cache", "queue"]


@dataclass(frozen=True, slots=True)
class BuiltStores:
    stores: Stores
    files: tuple[SecretFile, ...]
    workloads: tuple[Workload, ...]


def socket_path(layout: Layout, name: str) -> Path:
    return layout.sockets / f"{name}.sock"


def valkey_options(server: ValkeyServer) -> tuple[str, ...]:
    """Command-line options that make a Valkey server play its parts. The same here and on a cluster."""
    options = ["--maxmemory", str(server.memory), "--maxmemory-policy", server.eviction, "--save", ""]
    if server.durable:
        return (*options, "--appendonly", "yes", "--appendfsync", "everysec")
    return (*options, "--appendonly", "no")


def build(platform: VideoPlatform, facts: Facts, secrets: SecretReader) -> BuiltStores | None:
    """The stores and the servers to run for them; None when a reference could not be resolved."""
    spec, at = platform.spec, f"VideoPlatform/{platform.metadata.name}: spec"
    servers = _servers(platform, facts)
    embedded = {
        part: Server(ServerRef(url=_url(each, facts)))
        for each in servers
        if each.server
        for part in each.server.parts
    }
    cache = embedded.get("cache") or _external("cache", spec.cache, secrets, at)
    queue = embedded.get("queue") or _external("queue", spec.queue, secrets, at)
    database = _database(platform, facts, secrets, at)
    objects = _objects(platform, facts, secrets, at)
    if cache is None or queue is None or database is None or objects is None:
        return None
    place, files = objects
    stores = Stores(cache=cache.ref, queue=queue.ref, database=database.ref, objects=place)
    return BuiltStores(stores, (*cache.files, *queue.files, *database.files, *files), servers)


def _servers(platform: VideoPlatform, facts: Facts) -> tuple[Workload, ...]:
    spec = platform.spec
    memory = spec.cache.embedded.memory.bytes if spec.cache.embedded else 0
    if facts.target == "local" and spec.cache.embedded and spec.queue.embedded:
        return (_valkey(platform, facts, "valkey", ValkeyServer(("cache", "queue"), memory + _QUEUE_MEMORY)),)
    servers = []
    if spec.cache.embedded:
        servers.append(_valkey(platform, facts, "cache", ValkeyServer(("cache",), memory)))
    if spec.queue.embedded:
        servers.append(_valkey(platform, facts, "queue", ValkeyServer(("queue",), _QUEUE_MEMORY)))
    return tuple(servers)


def _valkey(platform: VideoPlatform, facts: Facts, name: str, server: ValkeyServer) -> Workload:
    mebibytes = -(-server.memory // 2**20)
    return Workload(
        name=name,
        owner=platform.metadata.name,
        role="store",
        server=server,
        endpoint=Endpoint(name, f"{platform.metadata.name}-{name}", 6379),
        probe=PingProbe(socket_path(facts.layout, name)) if facts.target == "local" else HttpProbe(),
        policy=Policy(drain_stage=2),
        # A rewrite of the append-only file forks: pages changed meanwhile are held twice.
        resources=Resources("100m", f"{mebibytes + 64}Mi", f"{mebibytes * 2 + 64}Mi"),
    )


def _url(workload: Workload, facts: Facts) -> str:
    """Where a server of ours answers: a socket in a private folder, or a Service."""
    if facts.target == "local" or workload.endpoint is None:
        return f"unix://{socket_path(facts.layout, workload.name)}"
    return f"redis://{workload.endpoint.host}:{workload.endpoint.port}/0"


def _external(part: Part, choice: Cache | Queue, secrets: SecretReader, at: str) -> Server | None:
    if choice.external is None:
        return None
    path = f"{at}.{part}.external.urlFrom"
    return secrets.server(path, choice.external.url_from, name=part, schemes=_REDIS)


def _database(platform: VideoPlatform, facts: Facts, secrets: SecretReader, at: str) -> Server | None:
    choice = platform.spec.database
    if choice.postgres:
        path = f"{at}.database.postgres.urlFrom"
        return secrets.server(path, choice.postgres.url_from, name="database", schemes=_POSTGRES)
    if facts.target == "cluster":
        secrets.problems.append(
            Problem(
                f"{at}.database.embedded",
                "SQLite is a file on one machine, which the pods of a cluster cannot share",
                "choose postgres: {urlFrom: {secret: …, key: url}}",
                reason="EmbeddedDatabaseNotShareable",
            )
        )
        return None
    return Server(ServerRef(url=f"sqlite:///{facts.layout.database}"))


def _objects(
    platform: VideoPlatform, facts: Facts, secrets: SecretReader, at: str
) -> tuple[FolderObjects | S3Objects, tuple[SecretFile, ...]] | None:
    choice = platform.spec.objects
    if choice.embedded:
        if facts.target == "cluster":
            secrets.problems.append(
                Problem(
                    f"{at}.objects.embedded",
                    "a folder is on one machine, and the pods of a cluster cannot share it",
                    "choose s3: {bucket: …, region: …}",
                    reason="EmbeddedObjectsNotShareable",
                )
            )
            return None
        return FolderObjects(root=facts.layout.objects, capacity=choice.embedded.size.bytes), ()
    return _bucket(choice.s3, facts, secrets, at) if choice.s3 else None


def _bucket(
    s3: S3, facts: Facts, secrets: SecretReader, at: str
) -> tuple[S3Objects, tuple[SecretFile, ...]] | None:
    """The bucket and its keys; without keys the instance's own credentials are used."""
    files: list[SecretFile] = []
    paths: list[Path | None] = []
    for name, field, ref in (
        ("s3-access-key", "accessKeyFrom", s3.access_key_from),
        ("s3-secret-key", "secretKeyFrom", s3.secret_key_from),
    ):
        text = secrets.value(f"{at}.objects.s3.{field}", ref) if ref else None
        if ref and text is None:
            return None
        if text:
            files.append(SecretFile(name, SecretText(text)))
        paths.append(facts.layout.secrets / name if text else None)
    place = S3Objects(
        bucket=s3.bucket,
        region=s3.region,
        endpoint=s3.endpoint,
        prefix=s3.prefix,
        access_key_file=paths[0],
        secret_key_file=paths[1],
    )
    return place, tuple(files)
