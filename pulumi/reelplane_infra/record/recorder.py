"""The parent's side of a recording: an engine per run, one process that runs the programs, errors with their place.

``record_environment`` runs the stacks of an environment in graph order and answers each one's stack references from
the records before it; the stacks of one wave (regions) run two at a time, which is what two cores carry.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent import futures
from dataclasses import asdict
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from reelplane_infra.config import Environment
from reelplane_infra.record.monitor import Engine, Monitor, Session
from reelplane_infra.record.record import Mode, Record, RecordedPlan
from reelplane_infra.record.request import Reply, Request
from reelplane_infra.record.values import Value
from reelplane_infra.stack import PROJECT, StackName, waves

PROGRAM: Final = Path(__file__).resolve().parents[2] / "__main__.py"
PARALLEL: Final = 2
"""Stacks of a wave that run at the same time."""
PATIENCE: Final = 300.0
"""Seconds after which a program that has neither ended nor failed is given up."""


class RecordError(Exception):
    """A program that did not get to its end: the stack, the resource, the line and the reason."""

    def __init__(self, stack: StackName, reply: Reply) -> None:
        self.stack = stack
        self.resource = reply.resource
        self.source = reply.source
        self.reason = reply.error
        where = ", ".join(each for each in (reply.resource, reply.source) if each)
        super().__init__(f"{stack}: {reply.error}" + (f" ({where})" if where else ""))


class Recorder:
    """Runs programs. One recorder is good for any number of runs; leave it with ``with``."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="reelplane-record-")
        self._numbers = count()
        self._address = str(Path(self._folder.name, "child"))
        self._errors = Path(self._folder.name, "stderr")
        with self._errors.open("w") as errors:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "reelplane_infra.record.child", self._address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "GRPC_VERBOSITY": "NONE"},
            )

    def __enter__(self) -> Self:
        if self._child.stdout is None or self._child.stdout.readline() != "ready\n":
            said = self._said()
            self.close()
            raise RuntimeError(f"the process that runs the programs did not start: {said}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()

    def stack(
        self,
        environment: Environment,
        stack: StackName,
        mode: Mode,
        *,
        before: Mapping[str, Mapping[str, Value]] | None = None,
        program: Path = PROGRAM,
    ) -> Record:
        """Records one stack. ``before`` has the outputs of the stacks it may read, by name.

        ``program`` is what runs instead of the real program. Raises RecordError.
        """
        region = stack.region or environment.hub
        session = Session(stack, mode, environment.account, region, before or {})
        engine = f"unix:{self._folder.name}/{next(self._numbers)}"
        server = grpc.server(futures.ThreadPoolExecutor(8))
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(session), server)
        engine_pb2_grpc.add_EngineServicer_to_server(Engine(session), server)
        server.add_insecure_port(engine)
        server.start()
        try:
            reply = self._run(
                Request(
                    entry=str(program),
                    stack=str(stack),
                    engine=engine,
                    preview=mode is Mode.PREVIEW,
                    config=stack_config(environment, stack) | RECORDED_SECRETS,
                    preload=("reelplane_infra.layers", f"reelplane_infra.layers.{stack.layer}")
                    if program == PROGRAM
                    else (),
                )
            )
        finally:
            server.stop(None).wait()
        if reply.error or session.errors:
            raise RecordError(stack, reply if reply.error else Reply(error="; ".join(session.errors)))
        return session.record()

    def environment(self, environment: Environment, mode: Mode) -> RecordedPlan:
        """Records every stack of an environment, in graph order. Raises RecordError for the first that fails."""
        records: dict[str, Record] = {}
        for wave in waves(environment.name, [each.name for each in environment.regions]):
            before = {name: record.outputs for name, record in records.items()}
            with futures.ThreadPoolExecutor(PARALLEL) as pool:
                runs = [pool.submit(self.stack, environment, stack, mode, before=before) for stack in wave]
            for stack, run in zip(wave, runs, strict=True):
                records[str(stack)] = run.result()
        return RecordedPlan(environment.model_dump(mode="json"), mode, tuple(records.values()))

    def _said(self) -> str:
        """The end of what the programs' process wrote to its standard error, 2,000 characters at most."""
        return self._errors.read_text(errors="replace")[-2000:].strip() or "nothing on its standard error"

    def _run(self, request: Request) -> Reply:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(self._address)
            connection.sendall(json.dumps(asdict(request)).encode() + b"\n")
            try:
                text = connection.makefile().read()
            except TimeoutError:
                return Reply(error=f"no end after {PATIENCE:.0f} s")
        if not text:
            return Reply(error=f"the program's process ended without a word: {self._said()}")
        return Reply(**json.loads(text))


def record_environment(environment: Environment, mode: Mode) -> RecordedPlan:
    """Records every stack of an environment. Raises RecordError."""
    with Recorder() as recorder:
        return recorder.environment(environment, mode)


RECORDED_SECRETS: Final = {
    f"{PROJECT}:databasePassword": "recorded-and-no-real-password",
    f"{PROJECT}:originToken": "recorded-and-no-real-token",
}
"""What a recording hands in for the secrets of ``reelplane_infra.secrets``: a run has those of its stack's config."""


def stack_config(environment: Environment, stack: StackName) -> dict[str, str]:
    """The config of a stack, as ``up`` writes it and a recording hands it in.

    ``aws:allowedAccountIds`` makes the provider refuse the credentials of another account.
    """
    return {
        f"{PROJECT}:environment": environment.model_dump_json(),
        "aws:region": stack.region or environment.hub,
        "aws:allowedAccountIds": json.dumps([environment.account]),
    }
