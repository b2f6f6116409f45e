"""``reelplane up``: plan, prepare the state folder, and supervise until told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from reelplane_cli.errors import Failure
from reelplane_cli.exits import FAILED
from reelplane_cli.files import Planned
from reelplane_cli.local.child import Surroundings
from reelplane_cli.local.identity import stop_leftovers
from reelplane_cli.local.logs import Console
from reelplane_cli.local.record import Record
from reelplane_cli.local.scaling import StatusSource
from reelplane_cli.local.sockets import PortError, listen, url_of
from reelplane_cli.local.state import StateFolder
from reelplane_cli.local.supervisor import Identity, StopRequest, Supervisor
from reelplane_plan.render.processes import ProcessSpec, render
from reelplane_plan.types import Plan

_LEFTOVER_PATIENCE = 5.0


def up(planned: Planned, *, host: str, port: int | None, colour: bool) -> None:
    """Run the planned platform until it is stopped. Raises Failure when it cannot start."""
    _check_extractor(planned.facts.layout.extractor)
    run(planned, render(planned.plan, planned.facts), host=host, port=port, colour=colour)


def run(
    planned: Planned,
    specs: Sequence[ProcessSpec],
    *,
    host: str,
    port: int | None,
    colour: bool,
    source: StatusSource | None = None,
) -> None:
    """Run ``specs`` as the platform of ``planned``; ``source`` tells the backlog instead of the API."""
    began = time.monotonic()
    plan, folder = planned.plan, planned.folder
    width = max(
        len(spec.instance(max(0, (spec.rule.maximum if spec.rule else spec.replicas) - 1))) for spec in specs
    )
    with folder.locked():
        folder.create(planned.facts.layout)
        console = Console(sys.stdout, colour=colour, width=width)
        try:
            _stop_leftovers(folder, console)
            for note in plan.notes:
                console.say(f"note: {note}")
            listening = _listen(plan, host, port, console)
            documents = {
                spec.name: folder.write_document(spec.name, spec.document) for spec in specs if spec.document
            }
            folder.write_secrets(planned.facts.layout.secrets, plan.secrets)
            url = url_of(listening)
            supervisor = Supervisor(
                Identity(plan.platform, plan.pipeline, url, folder.path),
                specs,
                partial(
                    _surroundings,
                    console,
                    logs=folder.logs,
                    listening=listening,
                    documents=documents,
                    colour=colour,
                ),
                on_ready=partial(_announce, console, planned, specs, url=url, began=began),
                source=source,
            )
            failure = asyncio.run(_supervise(supervisor, console))
            listening.close()
        finally:
            console.close()
    if failure:
        raise Failure("\n  ".join(failure), f"all it said is in {folder.logs}", code=FAILED)


async def _supervise(supervisor: Supervisor, console: Console) -> list[str]:
    stop = StopRequest()

    def asked() -> None:
        stop()
        console.say("hurrying" if stop.hurry.is_set() else "draining; once more to hurry")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked)
    return await supervisor.run(stop)


def _surroundings(
    console: Console,
    changed: Callable[[], None],
    *,
    logs: Path,
    listening: socket.socket,
    documents: dict[str, Path],
    colour: bool,
) -> Surroundings:
    style = "colour" if colour else "console" if sys.stdout.isatty() else "json"
    return Surroundings(
        console=console, logs=logs, listening=listening, documents=documents, log_style=style, changed=changed
    )


def _listen(plan: Plan, host: str, port: int | None, console: Console) -> socket.socket:
    """The one public socket. A busy port is stepped over, and said."""
    wanted = port if port is not None else plan.endpoint.port if plan.endpoint else 0
    try:
        listening = listen(host, wanted)
    except PortError as error:
        raise Failure(str(error), "choose another one with --port", code=FAILED) from error
    got = listening.getsockname()[1]
    if wanted and got != wanted:
        console.say(f"port {wanted} is taken by another program: using {got}")
    return listening


def _stop_leftovers(folder: StateFolder, console: Console) -> None:
    """We hold the lock, so whatever an earlier record names and still lives has no supervisor any more."""
    record = Record.read(folder.path)
    if record is not None:
        pids = stop_leftovers([process.id for process in record.processes], patience=_LEFTOVER_PATIENCE)
        if pids:
            console.say(f"stopped what an earlier run left behind: {', '.join(map(str, pids))}")


def _check_extractor(folder: Path) -> None:
    if not (folder / "yt_dlp").is_dir():
        raise Failure(
            f"the extractor is not installed in {folder}",
            "run `reelplane extractor install`, or name its folder with --extractor",
            code=FAILED,
        )


def _announce(
    console: Console, planned: Planned, specs: Sequence[ProcessSpec], *, url: str, began: float
) -> None:
    parts = []
    for spec in specs:
        count = f"{spec.rule.minimum}-{spec.rule.maximum}" if spec.rule else str(spec.replicas)
        parts.append(
            {"store": spec.name, "api": f"{count} API processes", "worker": f"{count} workers"}[spec.role]
        )
    took = time.monotonic() - began
    console.say(f"{planned.plan.platform} is ready at {url}")
    console.say(f"in {took:.1f} s: {', '.join(parts)}; state in {planned.folder.path}; Ctrl-C drains")
