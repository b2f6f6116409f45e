"""Objects in an S3 bucket, through obstore; clients fetch them there by presigned links.

An upload becomes visible when S3 has all of it: in one PUT, or when a multipart upload is completed. One that
fails is aborted. One whose process is killed leaves its parts hidden in the bucket, where a lifecycle rule
(AbortIncompleteMultipartUpload) must clear them away: nobody else can know whether it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store as Bucket

from reelplane_crds.runtime import S3Objects
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.storage.disposition import content_disposition
from reelplane_workloads.storage.objects import CHUNK, ObjectHead, check_key, content_type, etag, is_key
from reelplane_workloads.storage.presign import Presigner
from reelplane_workloads.storage.signing import UrlMemo

PART = 16 * 2**20
"""Bytes per part of an upload. S3 takes 10,000 parts, so this reaches 160 GB; four at once hold 64 MiB."""
PARTS_AT_ONCE = 4
WINDOW = 2**20
"""Bytes per ranged read. One is read ahead, so a stream holds two. Ranged reads rather than one long answer:
a slow client keeps no connection to S3 waiting, and one that breaks is retried where it stopped."""
CACHE_CONTROL = "public, max-age=31536000, immutable"
"""Under a content hash nothing ever changes (RFC 8246)."""
_NOWHERE = "ping/"
"""A prefix that no key has (keys begin with two hex digits), so that listing it costs nothing."""
_CODE = re.compile(r"<Code>(\w+)</Code>")
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "InsufficientCapacity"})
"""What S3 servers with limits answer; AWS has none."""


class S3Store:
    """See ``objects.Objects``."""

    def __init__(self, settings: S3Objects) -> None:
        self._where = f"bucket {settings.bucket!r} at {settings.endpoint or 'AWS ' + settings.region}"
        self._prefix = settings.prefix.strip("/") + "/" if settings.prefix.strip("/") else ""
        access_key = _secret(settings.access_key_file)
        secret_key = _secret(settings.secret_key_file)
        if bool(access_key) != bool(secret_key):
            raise Problem(
                Code.UNAVAILABLE, f"{self._where}: one credential file is given, both or neither are needed"
            )
        own_server = settings.endpoint is not None
        # A dot in the bucket's name is outside what the wildcard certificate of *.s3.<region> covers.
        in_path = own_server or "." in settings.bucket
        host = (settings.endpoint or f"https://s3.{settings.region}.amazonaws.com").rstrip("/")
        base = (
            f"{host}/{settings.bucket}" if in_path else host.replace("//s3.", f"//{settings.bucket}.s3.", 1)
        )
        config: dict[str, object] = {"virtual_hosted_style_request": not in_path, "disable_bulk_delete": True}
        if own_server:
            config["endpoint"] = host
        if access_key and secret_key:
            config |= {"access_key_id": access_key, "secret_access_key": secret_key}
        self._bucket = Bucket(
            settings.bucket,
            region=settings.region,
            checksum_algorithm="SHA256",
            client_options={
                "allow_http": host.startswith("http://"),
                "connect_timeout": "5s",
                "timeout": "60s",
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
            **config,  # type: ignore[arg-type]
        )
        presigner = (
            Presigner(base, settings.region, access_key, secret_key) if access_key and secret_key else None
        )
        self._links = UrlMemo(self._presigned(presigner) if presigner else self._signed_by_instance)
        self._uploads: set[asyncio.Task[None]] = set()

    async def ping(self) -> None:
        # Asking for one object does not tell a missing bucket from a missing key: HEAD has no body to say which.
        with self._storage_errors():
            async for _ in obstore.list(self._bucket, f"{self._prefix}{_NOWHERE}"):
                break

    async def publish(self, path: Path, key: str, content_type: str) -> None:
        name = self._name(key)
        size = os.stat(path).st_size
        known = await self.head(key)
        if known is not None and known.size == size:
            return
        upload = asyncio.create_task(self._upload(path, name, content_type))
        self._uploads.add(upload)
        upload.add_done_callback(self._uploads.discard)
        # A cancelled caller does not cancel the transfer: dropped half-way its parts would stay, paid for and unseen.
        await asyncio.shield(upload)

    async def head(self, key: str) -> ObjectHead | None:
        if not is_key(key):
            return None
        with self._storage_errors():
            try:
                meta = await obstore.head_async(self._bucket, self._prefix + key)
            except FileNotFoundError:
                return None
        return ObjectHead(meta["size"], etag(key), content_type(key))

    async def stream(self, key: str, start: int, end: int, chunk: int = CHUNK) -> AsyncIterator[bytes]:
        name = self._name(key)
        if start >= end:
            return
        ahead = asyncio.create_task(self._window(name, start, min(start + WINDOW, end)))
        try:
            while start < end:
                window = memoryview(await ahead)
                start += len(window)
                if start < end:
                    ahead = asyncio.create_task(self._window(name, start, min(start + WINDOW, end)))
                for at in range(0, len(window), chunk):
                    yield bytes(window[at : at + chunk])
        finally:
            ahead.cancel()
            ahead.add_done_callback(_forget)

    async def delete(self, key: str) -> None:
        name = self._name(key)
        with self._storage_errors(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._bucket, name)

    async def list(self) -> AsyncIterator[tuple[str, int]]:
        with self._storage_errors():
            async for page in obstore.list(self._bucket, self._prefix or None):
                for meta in page:
                    key = meta["path"].removeprefix(self._prefix)
                    if is_key(key):
                        yield key, meta["size"]

    def sign(self, key: str, *, ttl: int, filename: str | None = None, now: float) -> str:
        return self._links.sign_cached(check_key(key), ttl, filename, now)

    async def close(self) -> None:
        """Wait up to 10 s for uploads whose caller went away, then for obstore's threads to let go of Python."""
        if self._uploads:
            await asyncio.wait(self._uploads, timeout=10)
        # Its threads still touch the interpreter just after an answer; one that ends then is aborted (SIGABRT:
        # 9 of 40 runs without this pause, 0 of 40 with half of it). github.com/PyO3/pyo3-async-runtimes/issues/40
        await asyncio.sleep(0.1)

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    async def _upload(self, path: Path, name: str, content_type: str) -> None:
        with self._storage_errors():
            await obstore.put_async(
                self._bucket,
                name,
                path,
                attributes={
                    "Content-Type": content_type,
                    "Content-Disposition": "inline",
                    "Cache-Control": CACHE_CONTROL,
                },
                chunk_size=PART,
                max_concurrency=PARTS_AT_ONCE,
            )

    async def _window(self, name: str, start: int, end: int) -> memoryview:
        with self._storage_errors():
            try:
                window = memoryview(await obstore.get_range_async(self._bucket, name, start=start, end=end))
            except FileNotFoundError:
                raise Problem(Code.MEDIA_NOT_FOUND, "no such object") from None
        if len(window) != end - start:
            raise Problem(Code.UNAVAILABLE, f"the object ends at byte {start + len(window)}, not {end}")
        return window

    def _presigned(self, presigner: Presigner) -> Callable[[str, int, str | None, int], str]:
        def sign(key: str, ttl: int, filename: str | None, issued_at: int) -> str:
            disposition = None if filename is None else content_disposition(filename, inline=False)
            return presigner.sign(self._prefix + key, ttl=ttl, disposition=disposition, issued_at=issued_at)

        return sign

    def _signed_by_instance(self, key: str, ttl: int, filename: str | None, issued_at: int) -> str:
        with self._storage_errors():
            return obstore.sign(self._bucket, "GET", self._prefix + key, timedelta(seconds=ttl))

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise self._problem(error) from error

    def _problem(self, error: Exception) -> Problem:
        """What S3 or the way to it reported, in words that name the bucket and the way out; never a credential."""
        found = _CODE.search(str(error))
        said = f" ({found.group(1)})" if found else ""
        if found and found.group(1) in _FULL:
            return Problem(Code.DISK_FULL, f"{self._where} has no room{said}")
        if isinstance(error, PermissionDeniedError | UnauthenticatedError) or "403 Forbidden" in str(error):
            return Problem(
                Code.UNAVAILABLE,
                f"{self._where} refuses the credentials{said}",
                way_out="Check the access key, its secret and what they may do in VideoPlatform spec.objects.s3.",
                retry_after=30,
            )
        if isinstance(error, FileNotFoundError):
            return Problem(
                Code.UNAVAILABLE,
                f"{self._where} or its access key does not exist{said}",
                way_out="Create the bucket, or correct VideoPlatform spec.objects.s3.",
                retry_after=30,
            )
        return Problem(Code.UNAVAILABLE, f"{self._where} cannot be reached{said}", retry_after=5)


def _forget(read_ahead: asyncio.Task[memoryview]) -> None:
    """Take note of a read that nobody waits for any more, so that its failure is not logged as an oversight."""
    if not read_ahead.cancelled():
        read_ahead.exception()


def _secret(path: Path | None) -> str | None:
    """The text of a credential file. Raises Problem(UNAVAILABLE) naming the file when it cannot be read or is empty."""
    if path is None:
        return None
    try:
        text = path.read_text().strip()
    except OSError as error:
        raise Problem(Code.UNAVAILABLE, f"credential file {path}: {error.strerror}") from error
    if not text:
        raise Problem(Code.UNAVAILABLE, f"credential file {path} is empty")
    return text
