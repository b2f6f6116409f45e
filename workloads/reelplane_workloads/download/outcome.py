"""How an attempt ends: what the runner hands back, made from a child's last word and what the guard saw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download import text
from reelplane_workloads.download.protocol import Done, Failed, Found, PlaylistEntry
from reelplane_workloads.egress.grants import Grant

_REFUSABLE = frozenset(
    {
        Code.ORIGIN_UNREACHABLE,
        Code.ORIGIN_RESET,
        Code.ORIGIN_TIMEOUT,
        Code.ORIGIN_REFUSED,
        Code.ORIGIN_NOT_FOUND,
        Code.LOGIN_REQUIRED,
        Code.UNSUPPORTED_SITE,
        Code.PROXY_FAILED,
        Code.EXTRACTOR_ERROR,
    }
)
"""What a child may make of a connection that the guard refused."""

_VAGUE = frozenset({Code.ORIGIN_UNREACHABLE, Code.EXTRACTOR_ERROR, Code.PROXY_FAILED})
"""What a child says of a connection that failed behind the guard, of which it saw less than the guard did."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A playable file on local disk. Publish it, then call ``Runner.discard``."""

    path: Path
    sha256: str
    size: int
    extension: str
    content_type: str
    duration: float | None
    width: int | None
    height: int | None
    has_video: bool
    has_audio: bool
    title: str
    webpage_url: str
    received: int
    """Bytes that came through the guard for this attempt."""


@dataclass(frozen=True, slots=True)
class InfoOnly:
    info: dict[str, Any]
    """The answer to GET /v1/info."""


@dataclass(frozen=True, slots=True)
class Playlist:
    title: str
    entries: tuple[PlaylistEntry, ...]
    """Up to the pipeline's limit."""
    count: int
    """How many the site says there are."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """``on_info`` said that nothing needs to be fetched."""


Outcome = Downloaded | InfoOnly | Playlist | Stopped


def reported(failed: Failed) -> Problem:
    """The child's word for what happened, held to the catalogue: the child reads strangers' pages."""
    code = Code(failed.code) if failed.code in set(Code) else Code.EXTRACTOR_ERROR
    return Problem(code, text.detail(failed.detail))


def better_reason(problem: Problem, grant: Grant) -> Problem:
    """What the guard knows, where the child only saw a connection that did not come about or broke."""
    seen = grant.problem()
    if seen is None:
        return problem
    refused = grant.last_refusal is not None or seen.code is Code.PROXY_FAILED
    return seen if problem.code in (_REFUSABLE if refused else _VAGUE) else problem


def downloaded(done: Done, folder: Path, found: Found, received: int) -> Downloaded:
    """Check what the child names: a plain file, right in its folder. Raises Problem(INTERNAL)."""
    path = folder / done.file
    if Path(done.file).name != done.file or path.is_symlink() or not path.is_file():
        raise Problem(Code.INTERNAL, "the extraction named a file that is not there")
    return Downloaded(
        path=path,
        sha256="",
        size=path.stat().st_size,
        extension=done.extension,
        content_type=done.content_type,
        duration=done.duration,
        width=done.width,
        height=done.height,
        has_video=done.has_video,
        has_audio=done.has_audio,
        title=found.title,
        webpage_url=found.webpage_url,
        received=received,
    )


def hashed(file_of: Downloaded) -> Downloaded:
    """With the content's hash, taken when no process of the job can write any more: object keys are made of it."""
    with file_of.path.open("rb") as file:
        return replace(file_of, sha256=hashlib.file_digest(file, "sha256").hexdigest())
