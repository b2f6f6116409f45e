"""The words of ``reelplane``. Each command reads its options and hands over to the module that does the work.

Modules are imported by the command that needs them: ``reelplane up`` has to serve within seconds, and
``--help`` at once.
"""

# ruff: noqa: PLC0415, PLR0917 - see above; and options have names, not positions

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reelplane_cli.cluster.target import aim
from reelplane_cli.errors import Failure

_EPILOG = (
    "Exit codes: 0 done; 1 it failed; 2 wrong usage, a file that is not valid, or a plan with problems; "
    "3 the platform does not run; 4 it runs already. Platforms on a cluster: `kubectl reelplane --help`, which "
    "`reelplane` means too when --context, --kubeconfig or -n names a cluster."
)

app = typer.Typer(
    name="reelplane",
    help="Run a video platform from declarations: VideoPlatform, VideoPipeline and ProxyPool objects in YAML files.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
extractor_app = typer.Typer(
    help="Look at and renew the extractor (yt-dlp), which is versioned apart from the platform.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(extractor_app, name="extractor")


class Target(StrEnum):
    processes = "processes"
    manifests = "manifests"


class Form(StrEnum):
    yaml = "yaml"
    json = "json"


class View(StrEnum):
    text = "text"
    json = "json"


Files = Annotated[
    list[Path],
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="YAML file or folder: objects and the Secrets they name. Repeatable.",
    ),
]
State = Annotated[
    Path,
    typer.Option(
        "--state", metavar="DIR", help="Where platforms keep everything: one folder per platform in it."
    ),
]
Extractor = Annotated[
    Path | None,
    typer.Option(
        "--extractor",
        metavar="DIR",
        help="Folder that holds yt-dlp. Default: in this command's environment.",
    ),
]
Platform = Annotated[
    str | None,
    typer.Option("--platform", metavar="NAME", help="Which platform, where several run from one --state."),
]
_STATE = Path(".reelplane")


@app.command()
def up(
    file: Files,
    state: State = _STATE,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port of the API, instead of spec.api.port. A busy one is stepped over; 0: any.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. 0.0.0.0 opens the platform to the network.")
    ] = "127.0.0.1",
    extractor: Extractor = None,
    no_colour: Annotated[bool, typer.Option("--no-colour", help="Plain lines, also at a terminal.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the processes that would run, and stop.")
    ] = False,
) -> None:
    """Run a platform on this machine until Ctrl-C.

    Plans the files, starts stores, API and workers, and prints the URL when it serves. Workers come and go with
    the backlog; what dies is started again. Ctrl-C drains: running jobs finish or go back to the queue. A second
    Ctrl-C hurries. Started again from the same --state, everything is still there.
    """
    from reelplane_cli import files, show
    from reelplane_cli.up import up as run

    planned = files.read_plan(
        file, target="local", state=state, extractor=extractor or files.DEFAULT_EXTRACTOR
    )
    if dry_run:
        typer.echo(show.render(planned, form="yaml"))
        return
    run(planned, host=host, port=port, colour=sys.stdout.isatty() and not no_colour)


@app.command()
def plan(file: Files, state: State = _STATE, extractor: Extractor = None) -> None:
    """Say what `up` would change, and what is wrong.

    Compares the files with the platform that runs from --state, if it does: + starts, ~ restarts (and the fields
    that differ), - stops. Problems are printed with file, line and what would be right, and exit with 2.
    """
    from reelplane_cli import files, show

    chosen = extractor or files.DEFAULT_EXTRACTOR
    typer.echo(show.difference(files.read_plan(file, target="local", state=state, extractor=chosen)))


@app.command()
def render(
    file: Files,
    to: Annotated[Target, typer.Option(help="For this machine, or for a cluster.")] = Target.processes,
    output: Annotated[Form, typer.Option("--output", "-o", help="Text form.")] = Form.yaml,
    state: State = _STATE,
    extractor: Extractor = None,
) -> None:
    """Print the plan written down: as processes, or as Kubernetes manifests.

    Manifests include Secret objects with the values that the given files hold.
    """
    from reelplane_cli import files, show

    planned = files.read_plan(
        file,
        target="local" if to is Target.processes else "cluster",
        state=state,
        extractor=extractor or files.DEFAULT_EXTRACTOR,
    )
    typer.echo(show.render(planned, form="json" if output is Form.json else "yaml"))


@app.command()
def status(
    state: State = _STATE,
    platform: Platform = None,
    output: Annotated[View, typer.Option("--output", "-o", help="For you, or for a program.")] = View.text,
) -> None:
    """Show what runs: URL, processes, queue, workers and hit rate. Exits with 3 when nothing runs."""
    import json
    import time

    from reelplane_cli import status as looking

    found = [(folder, record, looking.ask(record)) for folder, record in looking.running(state, platform)]
    if output is View.json:
        typer.echo(json.dumps([looking.as_dict(*each) for each in found], indent=2))
    else:
        now = time.time()
        typer.echo("\n\n".join(looking.screen(*each, now=now) for each in found))


@app.command()
def down(
    state: State = _STATE,
    platform: Platform = None,
    now: Annotated[
        bool, typer.Option("--now", help="Give running jobs back instead of finishing them.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the end.")] = 120.0,
) -> None:
    """Drain the platform that runs from --state, and wait until it is gone."""
    from reelplane_cli import status as looking

    record = looking.down(state, platform, hurry=now, timeout=timeout)
    typer.echo(f"{record.platform} is down")


@extractor_app.command("list")
def extractor_list(extractor: Extractor = None) -> None:
    """Show the installed yt-dlp with its helpers, and the version that this release was tested with."""
    from reelplane_cli import extractor as renewing
    from reelplane_cli.files import DEFAULT_EXTRACTOR
    from reelplane_cli.text import table

    folder = extractor or DEFAULT_EXTRACTOR
    found = renewing.installed(folder)
    typer.echo(
        f"{folder}: yt-dlp {found.get('yt-dlp', 'not installed')}, pinned {renewing.pinned() or 'none'}"
    )
    if found:
        typer.echo("\n".join(table(["PACKAGE", "VERSION"], sorted(found.items()))))


@extractor_app.command("install")
def extractor_install(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="A release, `latest` or `pinned`.")
    ] = "pinned",
    extractor: Extractor = None,
) -> None:
    """Install yt-dlp and its helpers, try them, and swap them in.

    Jobs that start afterwards use it; a running platform is not touched. The pinned version is installed from a
    lock with hashes. The one before stays beside it as <folder>.previous.
    """
    from reelplane_cli import extractor as renewing
    from reelplane_cli.files import DEFAULT_EXTRACTOR

    folder = extractor or DEFAULT_EXTRACTOR
    typer.echo(f"yt-dlp {renewing.install(version, folder)} is in {folder}")


def main() -> None:
    """Entry point of ``reelplane`` and ``kubectl reelplane``; a Failure becomes two lines and its exit code."""
    meant = aim(sys.argv[0], sys.argv[1:])
    try:
        if meant.cluster:
            from reelplane_cli.cluster import main as cluster

            cluster.run(meant.program, meant.words)
        app(list(meant.words), prog_name=meant.program)
    except Failure as failure:
        typer.echo(f"{meant.program}: {failure.message}", err=True)
        if failure.fix:
            typer.echo(f"  {failure.fix}", err=True)
        sys.exit(failure.code)
    except BrokenPipeError:  # `reelplane status | head`
        sys.exit(0)


if __name__ == "__main__":
    main()
