"""What a client is shown of jobs and media, as plain JSON values. Pure; links are signed by the function passed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from reelplane_workloads.api import problems
from reelplane_workloads.store.model import FlightKind, FlightState, JobView, Medium, Options

Sign = Callable[[str, str | None], str]
"""Object key and file name (None: for playing) to a signed link."""

_STATES = {FlightState.FOLLOWING: "running"}
"""Following another flight is our affair: to the client its job runs."""

TERMINAL = frozenset({"done", "failed", "cancelled"})


def media(medium: Medium, sign: Sign) -> dict[str, Any]:
    """``url`` plays, ``downloadUrl`` is saved under the title; both expire."""
    return {
        "key": medium.key,
        "url": sign(medium.key, None),
        "downloadUrl": sign(medium.key, filename(medium)),
        "contentType": medium.content_type,
        "size": medium.size,
        "duration": medium.duration,
        "width": medium.width,
        "height": medium.height,
        "title": medium.title,
    }


def filename(medium: Medium) -> str:
    """The title with the object's extension; whoever puts it into a header sanitises it."""
    return (medium.title or "video") + PurePosixPath(medium.key).suffix


def links(job_id: str) -> dict[str, str]:
    """Where the job is read, followed and cancelled (DELETE)."""
    path = f"/v1/downloads/{job_id}"
    return {"self": path, "events": f"{path}/events", "cancel": path}


def accepted(job_id: str) -> dict[str, Any]:
    """The body of a 202: the job exists, nothing more is promised yet."""
    return {"id": job_id, "state": "queued", "links": links(job_id)}


def state(job: JobView) -> str:
    """A playlist is as far as its items are: it runs until the last has ended, and failed only if none was got."""
    if job.cancelled:
        return "cancelled"
    if not job.items or job.flight.state is not FlightState.DONE:
        return _STATES.get(job.flight.state, job.flight.state.value)
    states = {state(item) for item in job.items}
    if states - TERMINAL:
        return "running"
    return next(end for end in ("done", "failed", "cancelled") if end in states)


def job(view: JobView, sign: Sign, *, progress: dict[str, Any] | None = None) -> dict[str, Any]:
    """A job in full; ``progress`` is the last event of its flight, shown while it runs."""
    now_state = state(view)
    shown: dict[str, Any] = {
        "id": view.id,
        "kind": view.flight.kind.value,
        "state": now_state,
        "url": view.url,
        "options": _options(view.options),
        "createdAt": _time(view.created_at),
        "startedAt": _time(view.flight.started_at),
        "finishedAt": _time(view.flight.finished_at) if now_state in TERMINAL else None,
        "attempt": view.flight.attempt,
        "links": links(view.id),
    }
    if progress is not None and now_state == "running":
        shown["progress"] = progress
    if now_state == "done" and view.medium is not None:
        shown["media"] = media(view.medium, sign)
    if now_state == "done" and view.flight.kind is FlightKind.INFO:
        shown["info"] = view.flight.result
    if now_state == "failed" and view.flight.error_code is not None:
        shown["error"] = error(view)
    playlist = (view.flight.result or {}).get("playlist")
    if playlist is not None:
        shown["playlist"] = playlist
    if view.items:
        shown["counts"] = counts(view)
        shown["items"] = [job(item, sign) for item in view.items]
    return shown


def counts(view: JobView) -> dict[str, int]:
    """How many of a playlist's items are in which state; states without items are left out."""
    return {"total": len(view.items), **Counter(state(item) for item in view.items)}


def error(view: JobView) -> dict[str, Any]:
    """Why it failed, as the problem that a request would have got; the job's id stands for the request's."""
    return problems.document(problems.from_code(view.flight.error_code, view.flight.error_detail), view.id)


def _options(options: Options) -> dict[str, Any]:
    return {"format": options.format, "maxHeight": options.max_height, "playlist": options.playlist}


def _time(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
