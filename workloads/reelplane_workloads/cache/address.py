"""A ``ServerRef`` of Valkey, taken apart once: how to connect, for both of the clients that do.

The hot lookup and the queue connect by themselves (wire.py), the rest of the cache uses redis-py. They read the same
URL here, so that ``unix:///path?db=1``, ``redis://host:6379/1`` and ``rediss://…`` mean the same to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from reelplane_crds.runtime import ServerRef

DEFAULT_PORT = 6379


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Valkey server listens: at ``path`` when that is set, else at ``host`` and ``port``."""

    path: str | None = None
    host: str = "localhost"
    port: int = DEFAULT_PORT
    tls: bool = False
    db: int = 0
    username: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, ref: ServerRef) -> Address:
        """Read the URL and the password file. Raises ValueError for another scheme, OSError for the file."""
        parts = urlsplit(ref.url)
        password = ref.password_file.read_text().strip() if ref.password_file else None
        username = unquote(parts.username) if parts.username else None
        if parts.scheme == "unix":
            db = parse_qs(parts.query).get("db", ["0"])[0]
            return cls(path=unquote(parts.path), db=int(db), username=username, password=password)
        if parts.scheme in ("redis", "rediss"):
            return cls(
                host=parts.hostname or "localhost",
                port=parts.port or DEFAULT_PORT,
                tls=parts.scheme == "rediss",
                db=int(parts.path.strip("/") or 0),
                username=username,
                password=password,
            )
        raise ValueError(f"{ref.url!r}: the scheme must be unix, redis or rediss")

    def __str__(self) -> str:
        """For logs and errors: without credentials."""
        return f"unix://{self.path}" if self.path else f"{self.host}:{self.port}"
