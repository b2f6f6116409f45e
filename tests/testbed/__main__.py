"""``python -m tests.testbed up|down|status``: a test cluster for a person. See the README's section on it.

``up`` builds what is missing, starts the cluster and runs until Ctrl-C, which ends everything in order;
``--detach`` returns when it is ready. ``down`` ends it from elsewhere, and whatever a killed ``up`` left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.cluster import ControlPlane
from tests.testbed.given import MARK
from tests.testbed.node.cluster import NodeCluster
from tests.testbed.process import Bed, ProcessError
from tests.testbed.state import AlreadyRunning, Running, State, default_folder
from tests.testbed.toolchain import Unavailable


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.testbed", description="A real Kubernetes for tests."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--folder", type=Path, default=default_folder(), help="where its state is kept")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it, and run until Ctrl-C", parents=[common])
    up.add_argument("--profile", choices=["api", "scale", "node"], default="api")
    up.add_argument("--regions", type=int, default=1, metavar="N", help="so many clusters on one etcd")
    up.add_argument("--nodes", type=int, default=10, metavar="N", help="fake nodes of the profile scale")
    up.add_argument("--detach", action="store_true", help="return when it is ready")
    commands.add_parser("down", help="stop it, and what a killed one left", parents=[common])
    commands.add_parser("status", help="what runs", parents=[common])
    arguments = parser.parse_args(argv)
    if arguments.command == "up" and arguments.regions > 1 and arguments.profile == "node":
        parser.error("--regions are API servers without nodes: use the profile api or scale")
    state = State(arguments.folder.absolute())
    if arguments.command == "down":
        _say("stopped" if state.stop() else "no cluster runs")
        return 0
    if arguments.command == "status":
        return _status(state)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        if arguments.detach:
            return _detach(state, [word for word in argv if word != "--detach"])
        return _up(state, arguments)
    except (Unavailable, ProcessError) as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _up(state: State, arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    try:
        with state.held():
            state.write(arguments.profile, ready=False)
            shutil.rmtree(state.run, ignore_errors=True)
            with contextlib.ExitStack() as stack:
                control, beds = _start(state.run, arguments, stack)
                control.kubectl("label", "namespace", "kube-system", f"{MARK}={arguments.profile}")
                state.write(arguments.profile, ready=True, kubeconfigs=tuple(control.kubeconfigs))
                _say(f"ready in {time.monotonic() - began:.1f} s")
                _describe(state.read())
                _say("it runs until Ctrl-C, or python -m tests.testbed down")
                try:
                    _watch(beds)
                finally:
                    _say("stopping")
    except AlreadyRunning:
        return _runs_already(state, arguments.profile)
    return 0


def _start(
    folder: Path, arguments: argparse.Namespace, stack: contextlib.ExitStack
) -> tuple[ControlPlane, list[Bed]]:
    """Start the profile, to be stopped by ``stack``. Returns its control plane and all its beds."""
    if arguments.profile == "node":
        node = stack.enter_context(NodeCluster.start(folder=folder, say=_say))
        return node.control, [node.control.bed, node.bed]
    control = ControlPlane.start(
        arguments.profile, folder=folder, servers=arguments.regions, nodes=arguments.nodes, say=_say
    )
    stack.enter_context(control)
    return control, [control.bed]


def _watch(beds: Sequence[Bed]) -> None:
    """Until a signal comes, or a process ends: then ProcessError with the end of its log."""
    while True:
        time.sleep(1)
        for bed in beds:
            bed.check()


def _detach(state: State, argv: list[str]) -> int:
    """Run ``up`` as a process of its own, show what it prints, and return when it is ready or has ended."""
    state.folder.mkdir(parents=True, exist_ok=True)
    with (state.folder / "up.log").open("wb+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.testbed", *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with (state.folder / "up.log").open() as output:
            while True:
                code, running = process.poll(), state.read()
                print(output.read(), end="", flush=True)
                if code is not None:
                    return code
                if running is not None and running.ready and running.pid == process.pid:
                    return 0
                time.sleep(0.1)
    except BaseException:  # Ctrl-C before it was ready: nothing was handed over yet.
        process.terminate()
        process.wait()
        raise


def _runs_already(state: State, profile: str) -> int:
    running = state.read()
    _say(f"runs already in {state.folder}; end it with: python -m tests.testbed down")
    _describe(running)
    return 0 if running is not None and running.profile == profile else 1


def _status(state: State) -> int:
    running = state.read()
    processes = state.processes()
    if running is None:
        _say(
            "no cluster runs"
            + ("; a killed one left processes: python -m tests.testbed down" if processes else "")
        )
        return 1
    _say(f"profile {running.profile}, {'ready' if running.ready else 'starting'} (process {running.pid})")
    for name, (pid, alive) in processes.items():
        print(f"  {name:28} {pid:>8}  {'running' if alive else 'ended'}")
    _describe(running)
    return 0


def _describe(running: Running | None) -> None:
    for kubeconfig in running.kubeconfigs if running else ():
        print(f"  export KUBECONFIG={kubeconfig}", flush=True)


def _say(line: str) -> None:
    print(f"testbed: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
