"""Servers that are run for a platform: what each must be told, whatever runs it.

A server names the secret files it needs (``password``, ``access_key``); their contents are made once by the
runtime and are in no plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_GIBIBYTE = 2**30


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """An embedded Valkey: which parts it plays decides what it may evict and what it must keep."""

    parts: tuple[Literal["cache", "queue"], ...]
    memory: int
    """Bytes of ``maxmemory``."""

    @property
    def eviction(self) -> str:
        """A queue never evicts. A cache evicts anything; one that shares the server only what has a TTL."""
        if "queue" not in self.parts:
            return "allkeys-lfu"
        return "volatile-lfu" if "cache" in self.parts else "noeviction"

    @property
    def durable(self) -> bool:
        return "queue" in self.parts

    @property
    def volume(self) -> str | None:
        """Size of its volume: the append-only file and its rewrite stand side by side for a moment, each up to
        the memory's size. None: what it holds may go with its pod."""
        return f"{-(-self.memory * 3 // _GIBIBYTE)}Gi" if self.durable else None


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One PostgreSQL with one database and one user that owns it. Only a cluster runs it."""

    volume: str
    """Size of its volume, a Kubernetes quantity."""
    user: str = "reelplane"
    database: str = "reelplane"
    password: str = "database-password"  # noqa: S105 - a file's name
    """Name of the secret file that holds the user's password."""


@dataclass(frozen=True, slots=True)
class ObjectServer:
    """One S3 server with one bucket. Only a cluster runs it."""

    volume: str
    """Size of its volume, a Kubernetes quantity."""
    bucket: str = "media"
    region: str = "us-east-1"
    """Part of every signature; the server has but this one."""
    access_key: str = "s3-access-key"
    secret_key: str = "s3-secret-key"  # noqa: S105 - a file's name
    """Names of the secret files that hold its root keys."""


EmbeddedServer = ValkeyServer | PostgresServer | ObjectServer
