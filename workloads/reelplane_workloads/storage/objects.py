"""The store of published media as the rest of the platform sees it, and the keys under which objects lie.

    worker:  object_key(sha256, ext) ──► publish(path, key)      all of an object is visible, or nothing
    api:     head(key) ──► sign(key) (302) or stream(key, start, end) (200, 206)
    sweeper: delete(key)

A key is made from the content's hash and nothing else: publishing twice is one object, a title or a URL can
never choose a path, and the hash is the entity tag. Every store checks the key's shape on every call.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reelplane_crds.runtime import FolderObjects, S3Objects
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.storage.signing import UrlSigner

CHUNK = 256 * 2**10
"""Bytes per piece of a stream: above this, larger pieces no longer save CPU and only cost memory per client."""

CONTENT_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "weba": "audio/webm",
    "flac": "audio/flac",
    "wav": "audio/wav",
}
"""What is served, by extension: a folder keeps no content type beside a file, so its name has to tell."""

_KEY = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.([a-z0-9]{1,5})")


def object_key(sha256_hex: str, ext: str) -> str:
    """``<first 2 hex>/<sha256 hex>.<ext>``; 256 prefixes keep folders listable.

    Raises ValueError when the hash is not 64 lower-case hex digits or the extension not 1-5 of [a-z0-9].
    """
    key = f"{sha256_hex[:2]}/{sha256_hex}.{ext}"
    if not is_key(key):
        raise ValueError(f"not a SHA-256 and an extension: {sha256_hex!r}, {ext!r}")
    return key


def is_key(text: str) -> bool:
    """Whether ``text`` is what ``object_key`` makes. Nothing else can name an object, so no path leads elsewhere."""
    return _KEY.fullmatch(text) is not None


def check_key(key: str) -> str:
    """``key`` itself. Raises Problem(MEDIA_NOT_FOUND): what is not a key names no object."""
    if not is_key(key):
        raise Problem(Code.MEDIA_NOT_FOUND, "not the key of a medium")
    return key


def etag(key: str) -> str:
    """The strong entity tag, quotes included: the content's hash, the same in every store and region."""
    return f'"{key[3:67]}"'


def content_type(key: str) -> str:
    """The media type that a key's extension stands for."""
    return CONTENT_TYPES.get(key[68:], "application/octet-stream")


@dataclass(frozen=True, slots=True)
class ObjectHead:
    size: int
    etag: str
    """As it stands in the header, quotes included."""
    content_type: str


class Objects(Protocol):
    """A store of objects. A store that cannot be reached or refuses raises Problem(UNAVAILABLE), all methods alike.

    A key that ``object_key`` did not make is no object: ``head`` is None, all else raises Problem(MEDIA_NOT_FOUND).
    """

    async def publish(self, path: Path, key: str, content_type: str) -> None:
        """Make the file at ``path`` the object ``key``; ``path`` stays and must not be written to afterwards.

        Atomic, also when killed half-way; durable when it returns. An object of the same key and size is kept
        as it is. Raises Problem(DISK_FULL) with the numbers; nothing is left behind then.
        """

    async def head(self, key: str) -> ObjectHead | None: ...

    def stream(self, key: str, start: int, end: int, chunk: int = CHUNK) -> AsyncIterator[bytes]:
        """Bytes ``start`` up to but not including ``end``, in pieces of at most ``chunk``, in constant memory.

        Raises Problem(MEDIA_NOT_FOUND) at the first piece when there is no such object, and
        Problem(UNAVAILABLE) when the object ends before ``end``.
        """

    async def delete(self, key: str) -> None:
        """Remove the object. Removing what is not there is no error."""

    def list(self) -> AsyncIterator[tuple[str, int]]:
        """Key and size of every object, in no order."""

    def sign(self, key: str, *, ttl: int, filename: str | None = None, now: float) -> str:
        """A link to the object that works without credentials until ``now + ttl`` (seconds) at the latest.

        With a ``filename`` the browser saves it under that (sanitised) name, without one it may play it. Links are
        reused, so that caches can: a link has at least three quarters of its ``ttl`` left.
        """

    async def ping(self) -> None:
        """Return when objects can be stored: the folder or the bucket is there and lets us in."""

    async def close(self) -> None: ...


def open_objects(settings: FolderObjects | S3Objects, signer: UrlSigner) -> Objects:
    """The store that the runtime document names. Creates a missing folder, never a missing bucket.

    Raises Problem(UNAVAILABLE) when the folder cannot be made or a credential file cannot be read.
    """
    # Each process loads one store only: obstore alone costs 20 MiB and a thread per core.
    if isinstance(settings, FolderObjects):
        from reelplane_workloads.storage.folder import FolderStore  # noqa: PLC0415

        return FolderStore(settings.root, signer, capacity=settings.capacity)
    from reelplane_workloads.storage.s3 import S3Store  # noqa: PLC0415

    return S3Store(settings)
