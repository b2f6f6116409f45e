"""The words of ``kubectl reelplane``. Each command reads its options and hands over to the module that does the work.

``--context``, ``--kubeconfig`` and ``-n`` belong to the whole command and may stand anywhere (``target``).
"""

# ruff: noqa: PLC0415, PLR0917 - modules are imported by the command that needs them; options have names

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reelplane_cli.cluster.paint import Paint
from reelplane_cli.cluster.session import Connection
from reelplane_cli.errors import Failure
from reelplane_cli.exits import FAILED, NOT_RUNNING, WRONG_INPUT

_EPILOG = (
    "Exit codes: 0 done; 1 it failed; 2 wrong usage or a file that is not valid; 3 the platform is not Ready. "
    "`plan` answers as `kubectl diff` does: 0 nothing would change, 1 something would, 2 it failed. "
    "Platforms on this machine have commands of their own: `reelplane --help`."
)

app = typer.Typer(
    name="kubectl reelplane",
    help="Look at video platforms on a cluster, preview a change, and steer them. Options of kubectl (--context, "
    "--kubeconfig, -n) may stand anywhere.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Form(StrEnum):
    yaml = "yaml"
    json = "json"


class View(StrEnum):
    text = "text"
    json = "json"
    yaml = "yaml"


Files = Annotated[
    list[Path],
    typer.Option(
        "--file", "-f", metavar="FILE", help="YAML file or folder, as for `kubectl apply -f`. Repeatable."
    ),
]
Target = Annotated[
    str, typer.Argument(metavar="[KIND/]NAME", help="A VideoPlatform, or e.g. vp/NAME for a VideoPipeline.")
]
Maybe = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="VideoPlatform. Default: all of the namespace.")
]
Wait = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait for the operator.")]
NoColour = Annotated[bool, typer.Option("--no-colour", help="Plain text, also at a terminal.")]


@app.callback()
def connection(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Option(
            "--context", metavar="NAME", help="Context of the kubeconfig. Default: its current one."
        ),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option("--kubeconfig", metavar="FILE", help="Default: $KUBECONFIG, then ~/.kube/config."),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Default: the context's.")
    ] = None,
) -> None:
    context.obj = Connection(kubeconfig, name, namespace)


@app.command()
def status(
    context: typer.Context,
    name: Maybe = None,
    output: Annotated[View, typer.Option("--output", "-o", help="For you, or for a program.")] = View.text,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Look again every two seconds until Ctrl-C.")
    ] = False,
    no_colour: NoColour = False,
) -> None:
    """Show what is going on: conditions, serving, workers, queue, rollouts, regions, events, problems.

    Exits with 3 when a platform that is shown, or one of its pipelines, is not Ready.
    """
    from reelplane_cli.cluster import look

    ready = look.status(context.obj, name, form=output.value, watch=watch, paint=_paint(no_colour))
    raise typer.Exit(0 if ready else NOT_RUNNING)


@app.command()
def plan(context: typer.Context, file: Files, no_colour: NoColour = False) -> None:
    """Show what `kubectl apply -f FILE` would make of the children. Nothing is written.

    Plans as the operator does, from the files and what the cluster holds besides them, and lets the API server try
    every object (server-side dry run). + would be made, ~ changed, - deleted. Says which jobs would be interrupted.
    Exits with 0 when nothing would change, 1 when something would, 2 on errors, as `kubectl diff` does.
    """
    from reelplane_cli.cluster import preview

    try:
        differs = preview.show(context.obj, file, _paint(no_colour), typer.echo)
    except Failure as failure:
        # 1 means a difference here.
        raise Failure(failure.message, failure.fix, code=max(failure.code, WRONG_INPUT)) from None
    raise typer.Exit(1 if differs else 0)


@app.command()
def render(
    context: typer.Context,
    file: Files,
    output: Annotated[Form, typer.Option("--output", "-o", help="Text form.")] = Form.yaml,
) -> None:
    """Print the manifests that the operator would apply for FILE, with what this cluster offers.

    Secret objects are printed with their values. Without a cluster: `reelplane render --to manifests`.
    """
    from reelplane_cli.cluster import preview

    typer.echo(preview.render(context.obj, file, form=output.value))


@app.command()
def pause(context: typer.Context, name: Target, timeout: Wait = 30.0) -> None:
    """Keep the operator's hands off: nothing is written until `resume`, and drift stays.

    A platform's name pauses its pipelines too. Workloads run on; autoscalers go on scaling.
    """
    from reelplane_cli.cluster import session, steer

    session.run(context.obj, lambda open_: steer.pause(open_, name, timeout=timeout, say=typer.echo))


@app.command()
def resume(context: typer.Context, name: Target, timeout: Wait = 30.0) -> None:
    """End what `pause` or `drain` began."""
    from reelplane_cli.cluster import session, steer

    session.run(context.obj, lambda open_: steer.resume(open_, name, timeout=timeout, say=typer.echo))


@app.command()
def drain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="VideoPipeline.")],
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds to wait for the last worker.")
    ] = 900.0,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Whether to wait until no worker is left.")
    ] = True,
) -> None:
    """Let a pipeline's workers finish what they run and go; new jobs wait in the queue until `resume`."""
    from reelplane_cli.cluster import session, steer

    session.run(
        context.obj, lambda open_: steer.drain(open_, name, wait=wait, timeout=timeout, say=typer.echo)
    )


@app.command()
def logs(
    context: typer.Context,
    name: Maybe = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as lines come, also of pods that come.")
    ] = False,
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="Only lines about this job, flight or request.")
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far back: 90s, 15m, 2h.")
    ] = "1h",
    tail: Annotated[int, typer.Option("--tail", min=0, help="Lines of each container to begin with.")] = 200,
    raw: Annotated[bool, typer.Option("--raw", help="Lines as they were written: JSON.")] = False,
    no_colour: NoColour = False,
) -> None:
    """Show the logs of all workloads of a platform in one stream, by time."""
    from reelplane_cli.cluster import logs as reading

    wanted = reading.Wanted(follow=follow, needle=job, since=reading.seconds(since), tail=tail, raw=raw)
    reading.show(context.obj, name, wanted, _paint(no_colour), typer.echo)


@app.command()
def report(
    context: typer.Context,
    name: Maybe = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Default: reelplane-report-NAME-TIME.tar.gz here."
        ),
    ] = None,
    tail: Annotated[int, typer.Option("--tail", min=0, help="Log lines of each container.")] = 2000,
) -> None:
    """Write a tar.gz to attach to a bug report: objects, children, pods, events, logs, versions; no secrets.

    Secrets keep their keys only, and their values are blanked wherever else they turn up.
    """
    from reelplane_cli.cluster import report as reporting

    path = reporting.write(context.obj, name, output, tail=tail)
    typer.echo(f"{path} ({path.stat().st_size / 1024:.0f} KiB). Look through it before you hand it on.")


def _paint(no_colour: bool) -> Paint:
    """Colour and width of the terminal; neither when the output goes elsewhere (https://no-color.org)."""
    if not sys.stdout.isatty():
        return Paint()
    return Paint(
        colour=not no_colour and not os.environ.get("NO_COLOR"), width=os.get_terminal_size().columns
    )


def run(program: str, words: tuple[str, ...]) -> None:
    """Run one command. ``program`` is what its help calls it. Raises Failure; exits by SystemExit."""
    try:
        app(list(words), prog_name=program)
    except KeyboardInterrupt:
        sys.exit(FAILED)
