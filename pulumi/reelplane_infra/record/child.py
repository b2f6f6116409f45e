"""The process that runs programs: it imports the SDK once and forks for every run.

It listens on a Unix socket in a private folder. A connection carries one request (a line of JSON: what to run, where
its engine is) and one reply; between the two a fork runs the program as Pulumi's language host does. The SDK costs
seconds to import and a megabyte of state that a run changes, so: import before the fork, run after it. The fork is
safe because this process starts no thread and opens no channel.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pulumi.log
import pulumi.runtime

from reelplane_infra.record.request import Reply, Request
from reelplane_infra.stack import PROJECT

SDK = ("pulumi", "pulumi_aws", "pulumi_kubernetes")


def main(address: str) -> None:
    """Serves requests on the Unix socket ``address`` until its standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)  # noqa: T201 - the parent waits for this line
        while True:
            # The parent holds the other end of our standard input: it ends when the parent does, however it ends.
            ready, _, _ = select.select([server, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = server.accept()
            with connection:
                line = connection.makefile().readline()
                if not line:
                    return
                values = json.loads(line)
                request = Request(**{**values, "preload": tuple(values["preload"])})
                _preload(request)
                if os.fork() == 0:
                    server.close()
                    _answer(connection, request)


def _preload(request: Request) -> None:
    """Imports what the program will; what goes wrong here goes wrong again in the run, where it is reported."""
    for name in request.preload:
        try:
            module = importlib.import_module(name)
        except Exception:
            return
        _load_sdk(module, set())


def _load_sdk(module: ModuleType, seen: set[str]) -> None:
    """Loads the SDK's modules that ``module`` and our modules below it name: the SDK imports them on first use."""
    seen.add(module.__name__)
    for value in list(vars(module).values()):
        owner = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", ""))
        name = object.__getattribute__(owner, "__name__") if isinstance(owner, ModuleType) else ""
        if name in seen:
            continue
        if name.startswith("reelplane_infra") and isinstance(owner, ModuleType):
            _load_sdk(owner, seen)
        elif name.startswith(SDK[1:]):
            seen.add(name)
            # Whatever is asked of a module that waits loads it, but for what says where it is from; ``dir`` asks that.
            getattr(owner, "__all__", None)


def _answer(connection: socket.socket, request: Request) -> None:
    """Runs in the fork, and ends it."""
    # A fork lives for seconds, and its memory goes with it: collecting it took a third of the time.
    gc.disable()
    try:
        reply = run(request)
        connection.sendall(json.dumps(asdict(reply)).encode())
        connection.shutdown(socket.SHUT_WR)
    finally:
        os._exit(0)


def run(request: Request) -> Reply:
    """Runs the program in this process."""
    # The SDK tells the engine of its every step and waits for the answer: a third of the time, and nobody reads it.
    pulumi.log.debug = _unheard
    pulumi.runtime.set_all_config(request.config, [])
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=PROJECT,
            stack=request.stack,
            organization="organization",
            monitor=request.engine,
            engine=request.engine,
            parallel=16,
            dry_run=request.preview,
        )
    )

    def program() -> None:
        sys.path.insert(0, str(Path(request.entry).parent))
        runpy.run_path(request.entry, run_name="__main__")

    try:
        asyncio.run(pulumi.runtime.run_in_stack(program))
    except BaseException as error:
        return _told(error)
    return Reply()


def _unheard(*_: Any, **__: Any) -> None:
    """What is said for debugging."""


def _told(error: BaseException) -> Reply:
    """The error with the resource and the line of the program that it comes from."""
    frames = list(_frames(error.__traceback__))
    sdk = tuple(str(Path(sys.modules[name].__file__ or "").parent) for name in SDK if name in sys.modules)
    own = [
        (code, line)
        for code, line, _ in frames
        if not code.startswith((*sdk, "<")) and "/lib/python" not in code
    ]
    names = [
        values["resource_name"] for _, _, values in frames if isinstance(values.get("resource_name"), str)
    ]
    source = f"{own[-1][0]}:{own[-1][1]}" if own else ""
    text = "".join(traceback.format_exception_only(error)).strip()
    return Reply(error=text, resource=names[0] if names else "", source=source)


def _frames(trace: TracebackType | None) -> Any:
    while trace is not None:
        code = trace.tb_frame.f_code.co_filename
        yield code, trace.tb_lineno, trace.tb_frame.f_locals
        trace = trace.tb_next


if __name__ == "__main__":
    main(sys.argv[1])
