"""The one entry point of the image: ``python -m reelplane_workloads api|worker --document FILE``.

What starts a workload (the local supervisor, a pod) hands it the runtime document and, where it holds them,
listening sockets as file descriptors: a shared one that clients use, and one of the process's own for probes
and metrics.
"""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

from pydantic import ValidationError

from reelplane_crds.runtime import RuntimeDocument
from reelplane_workloads.core import logs


def main(argv: list[str] | None = None) -> int:
    """Run a workload until it is told to stop. Returns the exit code: 0 drained, 2 unusable arguments."""
    parser = argparse.ArgumentParser(
        prog="reelplane_workloads", description="Run one workload of a platform."
    )
    parser.add_argument("workload", choices=["api", "worker"])
    parser.add_argument("--document", type=Path, required=True, help="the runtime document (JSON)")
    parser.add_argument(
        "--instance", default="", help="name in logs and heartbeats; default: made from the host's"
    )
    parser.add_argument("--listen-fd", type=int, help="inherited listening socket that clients use (api)")
    parser.add_argument("--own-socket-fd", type=int, help="inherited listening socket for probes and metrics")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on when no socket is inherited; :: is every one",
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="port to listen on when no socket is inherited"
    )
    parser.add_argument("--log-style", choices=["json", "console", "colour"], default="json")
    parser.add_argument("--log-level", default="info")
    arguments = parser.parse_args(argv)
    logs.setup(level=arguments.log_level, style=arguments.log_style)
    try:
        document = RuntimeDocument.load(arguments.document)
    except (OSError, ValidationError) as error:
        print(f"{arguments.document}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    if document.role != arguments.workload:
        print(f"{arguments.document}: is for role {document.role}, not {arguments.workload}", file=sys.stderr)  # noqa: T201
        return 2
    instance = arguments.instance or f"{document.workload}-{socket.gethostname()}"
    own = _inherited(arguments.own_socket_fd)
    if arguments.workload == "api":
        from reelplane_workloads.api.main import run as run_api  # noqa: PLC0415 - each workload loads only its own room

        shared = _inherited(arguments.listen_fd) or _listen(arguments.host, arguments.port)
        return run_api(document, instance, sockets=[shared, *([own] if own else [])])
    from reelplane_workloads.worker.main import run as run_worker  # noqa: PLC0415

    return run_worker(document, instance, own or _listen(arguments.host, arguments.port))


def _inherited(fd: int | None) -> socket.socket | None:
    return None if fd is None else socket.socket(fileno=fd)


def _listen(host: str, port: int) -> socket.socket:
    """``0.0.0.0``: every IPv4 address; ``::``: every address of either family that this machine has."""
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"  # noqa: S104 - as asked for
    return socket.create_server(
        (host, port),
        family=socket.AF_INET6 if ":" in host else socket.AF_INET,
        backlog=2048,
        dualstack_ipv6=host == "::",
    )


if __name__ == "__main__":
    sys.exit(main())
