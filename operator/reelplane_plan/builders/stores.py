"""Where a platform's state lives: the stores as the runtime documents name them.

An embedded store is one of the servers that ``builders.servers`` runs, or a file on one machine; any other
stands in a Secret as a URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reelplane_crds.kinds import VideoPlatform
from reelplane_crds.kinds.platform_stores import S3, Cache, Queue
from reelplane_crds.runtime import FolderObjects, S3Objects, ServerRef, Stores
from reelplane_plan.builders import servers
from reelplane_plan.secrets import SecretReader, Server, split_url
from reelplane_plan.servers import ObjectServer, PostgresServer, ValkeyServer
from reelplane_plan.types import Endpoint, Facts, SecretFile, SecretText, Workload

_REDIS = ("redis", "rediss")
_POSTGRES = ("postgresql", "postgres")
_ACCESS_KEY = 10
"""Bytes of an access key id: 20 characters, as AWS has them. It is a name, not a secret."""

Part = Literal["cache", "queue"]


@dataclass(frozen=True, slots=True)
class BuiltStores:
    stores: Stores
    files: tuple[SecretFile, ...]
    workloads: tuple[Workload, ...]


def build(platform: VideoPlatform, facts: Facts, secrets: SecretReader) -> BuiltStores | None:
    """The stores and the servers to run for them; None when a reference could not be resolved."""
    spec, at = platform.spec, f"VideoPlatform/{platform.metadata.name}: spec"
    made = servers.build(platform, facts)
    embedded = {
        part: Server(ServerRef(url=_url(each, facts)))
        for each in made
        if isinstance(each.server, ValkeyServer)
        for part in each.server.parts
    }
    cache = embedded.get("cache") or _external("cache", spec.cache, secrets, at)
    queue = embedded.get("queue") or _external("queue", spec.queue, secrets, at)
    database = _database(platform, facts, secrets, made)
    objects = _objects(platform, facts, secrets, made)
    if cache is None or queue is None or database is None or objects is None:
        return None
    place, files = objects
    stores = Stores(cache=cache.ref, queue=queue.ref, database=database.ref, objects=place)
    return BuiltStores(stores, (*cache.files, *queue.files, *database.files, *files), made)


def _url(workload: Workload, facts: Facts) -> str:
    """Where a server of ours answers: a socket in a private folder, or a Service."""
    if facts.target == "local" or workload.endpoint is None:
        return f"unix://{servers.socket_path(facts.layout, workload.name)}"
    return f"redis://{workload.endpoint.host}:{workload.endpoint.port}/0"


def _external(part: Part, choice: Cache | Queue, secrets: SecretReader, at: str) -> Server | None:
    if choice.external is None:
        return None
    path = f"{at}.{part}.external.urlFrom"
    return secrets.server(path, choice.external.url_from, name=part, schemes=_REDIS)


def _database(
    platform: VideoPlatform, facts: Facts, secrets: SecretReader, made: Sequence[Workload]
) -> Server | None:
    """A server elsewhere, a PostgreSQL of our own, or SQLite, which is a file and so for one machine only."""
    choice = platform.spec.database
    if choice.postgres:
        path = f"VideoPlatform/{platform.metadata.name}: spec.database.postgres.urlFrom"
        return secrets.server(path, choice.postgres.url_from, name="database", schemes=_POSTGRES)
    for each in made:
        if isinstance(each.server, PostgresServer) and each.endpoint:
            its, at = each.server, each.endpoint
            url = f"postgresql://{its.user}@{at.host}:{at.port}/{its.database}"
            password = SecretFile(its.password, None)
            return Server(ServerRef(url=url, password_file=facts.layout.secrets / password.name), (password,))
    return Server(ServerRef(url=f"sqlite:///{facts.layout.database}"))


def _objects(
    platform: VideoPlatform, facts: Facts, secrets: SecretReader, made: Sequence[Workload]
) -> tuple[FolderObjects | S3Objects, tuple[SecretFile, ...]] | None:
    """A bucket elsewhere, an S3 server of our own, or a folder, which is on one machine only."""
    choice = platform.spec.objects
    if choice.s3:
        return _bucket(choice.s3, facts, secrets, f"VideoPlatform/{platform.metadata.name}: spec")
    for each in made:
        if isinstance(each.server, ObjectServer) and each.endpoint:
            return _own_bucket(each.server, each.endpoint, facts)
    capacity = choice.embedded.size.bytes if choice.embedded else None
    return FolderObjects(root=facts.layout.objects, capacity=capacity), ()


def _own_bucket(
    server: ObjectServer, endpoint: Endpoint, facts: Facts
) -> tuple[S3Objects, tuple[SecretFile, ...]]:
    files = (SecretFile(server.access_key, None, _ACCESS_KEY), SecretFile(server.secret_key, None))
    access, secret = (facts.layout.secrets / file.name for file in files)
    place = S3Objects(
        bucket=server.bucket,
        region=server.region,
        endpoint=f"http://{endpoint.host}:{endpoint.port}",
        access_key_file=access,
        secret_key_file=secret,
    )
    return place, files


def _bucket(
    s3: S3, facts: Facts, secrets: SecretReader, at: str
) -> tuple[S3Objects, tuple[SecretFile, ...]] | None:
    """The bucket and its keys; without keys the instance's own credentials are used."""
    if s3.endpoint and split_url(s3.endpoint) is None:
        path = f"{at}.objects.s3.endpoint"
        secrets.wrong(path, f"{s3.endpoint!r} names no host", "write e.g. http://10.0.0.5:9000")
        return None
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
