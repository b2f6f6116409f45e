"""``kubectl reelplane report``: what a person needs who shall find out from afar what is wrong.

    objects and children ─┐
    pods, events ─────────┼─► Redactor ─► one tar.gz
    logs, versions ───────┘

Secrets are read only to know what must not be in the archive. What cannot be read is listed in ``unread.txt``.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import io
import json
import tarfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import yaml

from reelplane_cli.cluster.objects import GROUP_VERSION, MANAGED, OPERATOR, Json, name_of, spec
from reelplane_cli.cluster.observe import Observed, moment, observe, operator_pods, platforms
from reelplane_cli.cluster.paint import Paint
from reelplane_cli.cluster.podlogs import Source, page, sources
from reelplane_cli.cluster.redact import Redactor
from reelplane_cli.cluster.screen import screen
from reelplane_cli.cluster.session import Connection, Session, run
from reelplane_cli.cluster.summary import summarise
from reelplane_cli.errors import Failure

T = TypeVar("T")

_KINDS = ("VideoPlatform", "VideoPipeline", "ProxyPool", "RegionDeployment")
_CHILDREN = (
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ReplicaSet"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
)
_MOST_LOGS = 100
"""Containers whose logs are taken, unready pods first: an archive is to be sent by mail."""
_AT_ONCE = 8


def write(connection: Connection, name: str | None, output: Path | None, *, tail: int) -> Path:
    """Write the archive and return its path. Raises Failure when it cannot be written."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    root, files = run(connection, lambda session: _collect(session, name, stamp, tail))
    path = output or Path(f"{root}.tar.gz")
    try:
        with tarfile.open(path, "w:gz") as archive:
            for inside, text in sorted(files.items()):
                data = text.encode()
                entry = tarfile.TarInfo(f"{root}/{inside}")
                entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
                archive.addfile(entry, io.BytesIO(data))
        path.chmod(0o600)
    except OSError as error:
        raise Failure(
            f"{path} cannot be written: {error.strerror}", "name another file with --output"
        ) from None
    return path


async def _collect(session: Session, name: str | None, stamp: str, tail: int) -> tuple[str, dict[str, str]]:
    """Name of the archive's folder, and its files by path."""
    shown = await platforms(session, name)
    secrets, ours, children, events, operator = await asyncio.gather(
        session.listed("v1", "Secret"),
        asyncio.gather(*(session.ours(kind) for kind in _KINDS)),
        asyncio.gather(*(session.listed(version, kind, MANAGED) for version, kind in _CHILDREN)),
        session.listed("events.k8s.io/v1", "Event"),
        operator_pods(session),
    )
    seen = await asyncio.gather(*(observe(session, each) for each in shown))
    redactor = Redactor.of(secrets)
    unread = [f"{kind}: you may not list it" for kind in sorted(session.unseen)]
    files: dict[str, str] = {}
    for items in (*ours, *children):
        for item in items:
            files[f"{item['kind']}/{name_of(item)}.yaml"] = _yaml(redactor.item(item))
    for pod in operator:
        files[f"operator/{name_of(pod)}.yaml"] = _yaml(redactor.item(pod))
    files["events.yaml"] = _yaml([redactor.item(event) for event in sorted(events, key=moment)])
    files |= _screens(seen, redactor)
    pods = next(items for (_, kind), items in zip(_CHILDREN, children, strict=True) if kind == "Pod")
    logs, missing = await _logs(session, [*operator, *pods], tail)
    files |= {path: redactor.text(text) for path, text in logs.items()}
    files["versions.yaml"] = redactor.text(_yaml(await _versions(session, [*operator, *pods])))
    if unread or missing:
        files["unread.txt"] = redactor.text("\n".join([*unread, *missing]) + "\n")
    title = name_of(shown[0]) if len(shown) == 1 else session.namespace
    return f"reelplane-report-{title}-{stamp}", files


def _screens(seen: list[Observed], redactor: Redactor) -> dict[str, str]:
    """What ``status`` showed at that moment, for people and programs."""
    summaries = [summarise(each) for each in seen]
    text = "\n\n".join(screen(each, Paint()) for each in summaries) + "\n"
    return {
        "status.txt": redactor.text(text),
        "status.json": redactor.text(json.dumps(summaries, indent=2) + "\n"),
        "figures.json": redactor.text(json.dumps([each.figures for each in seen], indent=2) + "\n"),
    }


async def _logs(session: Session, pods: list[Json], tail: int) -> tuple[dict[str, str], list[str]]:
    """Logs by path, of the current and the earlier run of each container, and what could not be read."""
    from reelplane_operator.cluster.errors import ClusterError  # noqa: PLC0415 - only with the extra

    found = sorted((source for pod in pods for source in sources(pod)), key=lambda each: not each.restarts)
    files: dict[str, str] = {}
    missing = [f"{each.pod}/{each.container}: more than {_MOST_LOGS} logs" for each in found[_MOST_LOGS:]]
    room = asyncio.Semaphore(_AT_ONCE)

    async def read(source: Source, previous: bool) -> None:
        part = "previous.log" if previous else "log"
        path = f"logs/{source.pod}/{source.container}.{part}"
        async with room:
            try:
                files[path] = "\n".join(await page(session, source, tail=tail, previous=previous)) + "\n"
            except ClusterError as error:
                missing.append(f"{path}: {error}")

    wanted = [(source, False) for source in found[:_MOST_LOGS]]
    wanted += [(source, True) for source in found[:_MOST_LOGS] if source.ended_before]
    await asyncio.gather(*(read(source, previous) for source, previous in wanted))
    return files, missing


async def _versions(session: Session, pods: list[Json]) -> Json:
    images = {
        f"{name_of(pod)}/{container['name']}": container.get("image", "")
        for pod in pods
        for container in spec(pod).get("containers") or ()
    }
    return {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "reelplane": importlib.metadata.version("reelplane"),
        "api": GROUP_VERSION,
        "operator": OPERATOR,
        "cluster": await _or_why(session.cluster.server_version()),
        "images": images,
    }


async def _or_why(asked: Awaitable[T]) -> T | str:
    from reelplane_operator.cluster.errors import ClusterError  # noqa: PLC0415 - only with the extra

    try:
        return await asked
    except ClusterError as error:
        return str(error)


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
