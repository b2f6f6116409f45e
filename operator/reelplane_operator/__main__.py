"""``python -m reelplane_operator run``: flags in, one replica of the operator out.

Exit status: 0 after SIGTERM or Ctrl-C, 1 when the lease or the watches were lost (a supervisor starts it again),
2 when it was called wrongly.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from reelplane_operator import logs, metrics
from reelplane_operator.app import LeaseLost, Operator
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError
from reelplane_operator.config import Config
from reelplane_plan.types import Images

log = logging.getLogger("reelplane_operator")

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

_DEFAULTS = Config()


@app.callback()
def _commands() -> None:
    """Keeps the children of VideoPlatforms, VideoPipelines, ProxyPools and RegionDeployments as they are declared."""


@app.command()
def run(  # noqa: PLR0917 - each argument is a flag
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            help="Look after this namespace only; may be given several times. Default: all namespaces."
        ),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            help="File with the cluster and credentials. Default: as kubectl finds it, or the pod's own."
        ),
    ] = None,
    leader_elect: Annotated[
        bool,
        typer.Option("--leader-elect", help="Write only while holding a Lease: for two replicas or more."),
    ] = False,
    identity: Annotated[
        str, typer.Option(help="Name of this replica, in the Lease and in Events. In a pod: its name.")
    ] = socket.gethostname(),
    operator_namespace: Annotated[
        str, typer.Option(help="Namespace in which the Lease is kept.")
    ] = "default",
    http_port: Annotated[
        int, typer.Option(help="Port of /healthz, /readyz and /metrics; 0 serves none.", min=0, max=65535)
    ] = 8080,
    workloads_image: Annotated[
        str, typer.Option(help="Image of API and workers, where a platform names none.")
    ] = _DEFAULTS.images.workloads,
    extractor_image: Annotated[
        str,
        typer.Option(
            help="Image of the extractor without its tag, which is the version a platform asks for."
        ),
    ] = _DEFAULTS.images.extractor,
    valkey_image: Annotated[
        str, typer.Option(help="Image of embedded caches and queues.")
    ] = _DEFAULTS.images.valkey,
    postgres_image: Annotated[
        str, typer.Option(help="Image of embedded databases.")
    ] = _DEFAULTS.images.postgres,
    s3_image: Annotated[str, typer.Option(help="Image of embedded object stores.")] = _DEFAULTS.images.s3,
    concurrency: Annotated[
        int, typer.Option(help="Objects that are reconciled at the same time.", min=1, max=256)
    ] = _DEFAULTS.concurrency,
    connections: Annotated[
        int,
        typer.Option(
            help="Requests to the API server at the same time, watches not counted.", min=1, max=512
        ),
    ] = _DEFAULTS.connections,
    resync: Annotated[
        float,
        typer.Option(
            help="Seconds between two full lists, which find what a lost event would have said.", min=1
        ),
    ] = _DEFAULTS.resync,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="What is worth a line.")
    ] = "info",
    log_format: Annotated[
        Literal["json", "console"], typer.Option(help="One object a line for machines, or text for people.")
    ] = "json",
) -> None:
    """Run one replica until it is told to stop."""
    logs.setup(level=log_level, style=log_format)
    config = Config(
        kubeconfig=kubeconfig,
        namespaces=tuple(dict.fromkeys(namespace or ())),
        images=Images(workloads_image, extractor_image, valkey_image, postgres_image, s3_image),
        concurrency=concurrency,
        connections=connections,
        resync=resync,
        leader_elect=leader_elect,
        identity=identity,
        operator_namespace=operator_namespace,
        http_port=http_port or None,
    )
    try:
        asyncio.run(_serve(config))
    except LeaseLost as why:
        log.error("%s; another replica goes on", why)
        sys.exit(1)
    except (ClusterError, OSError) as why:
        log.error("%s", why)
        sys.exit(1)


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    cluster = await Cluster.connect(
        kubeconfig=config.kubeconfig, on_request=metrics.seen, connections=config.connections
    )
    async with cluster:
        await Operator(config, cluster).run(stop)


if __name__ == "__main__":
    app()
