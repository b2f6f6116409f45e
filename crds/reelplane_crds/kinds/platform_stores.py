"""The four stores of a platform, split by what they may lose: cache, queue, database, objects.

Each is a union of which exactly one field is set, so that a further choice never breaks a file.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from reelplane_crds.kinds.common import ApiModel, SecretKeyRef, UrlFrom
from reelplane_crds.kinds.forms import HttpServer, Region, StorageClassName
from reelplane_crds.kinds.values import Between, Form, Quantity
from reelplane_crds.rules import Rule, exactly_one


class EmbeddedCache(ApiModel):
    """A Valkey server of the platform's own, without a file: it may vanish at any moment."""

    memory: Annotated[Quantity, Between("16Mi", "1Ti")] = Quantity("512Mi")
    """Memory it may hold before it evicts what was used least."""


class Cache(ApiModel):
    """Answers that may vanish at any moment. Exactly one of embedded and external."""

    rules: ClassVar = (exactly_one("embedded", "external", right="{embedded: {}}"),)

    embedded: EmbeddedCache | None = None
    """Run a Valkey server here."""
    external: UrlFrom | None = None
    """Use a Redis or Valkey server that is run elsewhere (redis:// or rediss://)."""


class EmbeddedQueue(ApiModel):
    """A Valkey server of the platform's own, with an append-only file; it never evicts."""


class Queue(ApiModel):
    """What dispatches jobs to workers. It must not evict; its loss is repaired from the database."""

    rules: ClassVar = (exactly_one("embedded", "external", right="{embedded: {}}"),)

    embedded: EmbeddedQueue | None = None
    """Run a Valkey server here: write {} to choose it."""
    external: UrlFrom | None = None
    """Use a Redis or Valkey server that is run elsewhere, with maxmemory-policy noeviction."""


class EmbeddedDatabase(ApiModel):
    """A database of the platform's own: SQLite in its state folder, on a cluster one PostgreSQL pod for development."""

    size: Annotated[Quantity, Between("16Mi", "64Ti")] = Quantity("10Gi")
    """Size of the PostgreSQL pod's volume on a cluster. On one machine the file grows as it needs."""


class Database(ApiModel):
    """Where accepted jobs are committed: the one store that must not be lost."""

    rules: ClassVar = (exactly_one("embedded", "postgres", right="{embedded: {}}"),)

    embedded: EmbeddedDatabase | None = None
    """SQLite on one machine. On a cluster one PostgreSQL pod with a volume: for development, since nobody replicates
    or backs it up."""
    postgres: UrlFrom | None = None
    """Use a PostgreSQL server (postgresql://user:password@host/database)."""


class EmbeddedObjects(ApiModel):
    """Media of the platform's own: a folder in its state folder, on a cluster one S3 pod for development."""

    size: Annotated[Quantity, Between("16Mi", "1Pi")] = Quantity("50Gi")
    """Bytes it may hold; publishing beyond them is refused as disk_full. On a cluster the size of the S3 pod's
    volume."""


class S3(ApiModel):
    """A bucket of S3 or of a server that speaks its protocol."""

    rules: ClassVar = (
        Rule(
            cel="has(self.accessKeyFrom) == has(self.secretKeyFrom)",
            holds=lambda s3: (s3.access_key_from is None) == (s3.secret_key_from is None),
            message="accessKeyFrom and secretKeyFrom come together, or neither for the instance's own credentials",
            right="{bucket: reels, region: us-west-2}",
            wrong="{bucket: reels, region: us-west-2, accessKeyFrom: {secret: reels-s3, key: access}}",
            field="accessKeyFrom",
        ),
    )

    bucket: Annotated[
        str, Form(r"^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$", 63, "a bucket name", "reels-us-west-2")
    ]
    """Name of the bucket; it must exist."""
    region: Region
    """Region of the bucket; part of every signature, also for servers that have but one."""
    endpoint: HttpServer | None = None
    """URL of a server that speaks S3. Not set: AWS."""
    prefix: Annotated[
        str, Form(r"^([-_.a-zA-Z0-9]+/)*$", 256, "a key prefix", "media/", "empty, or ending with '/'")
    ] = ""
    """What every key starts with, so that several platforms can share a bucket; ends with '/'."""
    access_key_from: SecretKeyRef | None = None
    """Where the access key id stands. Not set: the instance's own credentials (IRSA, Pod Identity, a profile)."""
    secret_key_from: SecretKeyRef | None = None
    """Where the secret access key stands."""


class Objects(ApiModel):
    """Where published media is kept. Exactly one of embedded and s3."""

    rules: ClassVar = (exactly_one("embedded", "s3", right="{embedded: {size: 50Gi}}"),)

    embedded: EmbeddedObjects | None = None
    """Keep media in a folder on one machine. On a cluster in one S3 pod with a volume: for development."""
    s3: S3 | None = None
    """Keep media in an S3 bucket."""


class Storage(ApiModel):
    """Volumes of the stores that run here, on a cluster."""

    class_: StorageClassName | None = Field(default=None, alias="class")
    """StorageClass of the volumes. Not set: the cluster's default one. Volumes that exist keep theirs."""
