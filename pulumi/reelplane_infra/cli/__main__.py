"""The words of ``reelplane-infra``. Each command reads its options and hands over to the module that does the work.

Modules are imported by the command that needs them, so that ``--help`` answers at once.
"""

# ruff: noqa: PLC0415, PLR0917 - see above; and options have names, not positions

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from reelplane_infra.cli.failure import Failure
from reelplane_infra.stack import Layer

_EPILOG = (
    "Exit codes: 0 done; 1 it failed, or cannot be done here; 2 wrong usage, a file that is not valid, or a plan with "
    "mandatory findings. Only up and destroy need an account and the pulumi command."
)

app = typer.Typer(
    name="reelplane-infra",
    help="Five regions, planned, priced and checked before anything is paid for.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
prices_app = typer.Typer(
    help="The price book: what is in it, and refreshing it from AWS.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(prices_app, name="prices")

Source = Annotated[str, typer.Argument(metavar="ENV", help="dev, startup, global, or a YAML file.")]
Layers = Annotated[
    list[Layer] | None, typer.Option("--layer", help="Only this layer. Repeatable.", metavar="LAYER")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, in order, and stop.")]
Provider = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Of new stacks: awskms://alias/NAME?region=REGION, or what the backend has."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


@app.command()
def preview(
    source: Source,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page with the drawing too.")
    ] = None,
    checks: Annotated[str, typer.Option(help="Names with commas between, all, or none.")] = "types",
) -> None:
    """Record an environment's programs, price them and check them. Needs no account and no pulumi.

    Exits with 2 if a check has a mandatory finding.
    """
    from reelplane_infra.cli.preview import preview as run

    run(source, as_json=as_json, html=html, checks=checks)


@app.command()
def plan(source: Source) -> None:
    """Print the whole recorded plan as JSON: every resource with its inputs, for tools of your own."""
    from reelplane_infra.cli.preview import raw

    raw(source)


@app.command()
def graph(source: Source) -> None:
    """Print the stacks in the order they are carried out, and what each one reads."""
    from reelplane_infra.cli.preview import graph as run

    run(source)


@app.command()
def urns(
    source: Source,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write them to this file instead of printing.")
    ] = None,
) -> None:
    """Print the URNs of all protected resources: what tests/infra/golden/ keeps, so that none is lost by a rename."""
    from reelplane_infra.cli.preview import urns as run

    run(source, write=write)


@app.command()
def ledger(source: Source, as_json: AsJson = False) -> None:
    """Create the plan in emulators of AWS and say, for every resource type, the strongest proof that was reached."""
    from reelplane_infra.cli.preview import ledger as run

    run(source, as_json=as_json)


@app.command()
def up(
    source: Source,
    layer: Layers = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    again: Annotated[bool, typer.Option("--again", help="Run stacks that did not change, too.")] = False,
    checks: Annotated[
        str, typer.Option(help="Which checks have to pass first: names, all, or none.")
    ] = "types",
    secrets_provider: Provider = None,
) -> None:
    """Carry out an environment: stack by stack, regions at the same time, cost before each step.

    A run that broke goes on where it stopped. Where a stack fails, its siblings finish and what reads it waits for the
    next run.
    """
    from reelplane_infra.cli.deploying import up as run

    run(
        source,
        layers=layer or [],
        dry_run=dry_run,
        yes=yes,
        again=again,
        checks=checks,
        secrets=secrets_provider,
    )


@app.command()
def destroy(source: Source, layer: Layers = None, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Remove an environment, the last layer first. What holds data stays until `teardown: true` was carried out."""
    from reelplane_infra.cli.deploying import destroy as run

    run(source, layers=layer or [], dry_run=dry_run, yes=yes)


@app.command()
def compare(
    before: Annotated[str, typer.Argument(metavar="A", help="dev, startup, global, or a YAML file.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    by: Annotated[
        str, typer.Option(help="Columns: service, item, layer, region; commas between.")
    ] = "service",
    as_json: AsJson = False,
) -> None:
    """Say what B costs more or less than A, the largest difference first."""
    from reelplane_infra.cli.costs import compare as run

    run(before, after, by=by, as_json=as_json)


@app.command()
def figures(as_json: AsJson = False) -> None:
    """Print the documents' own figures beside what their inputs give: tiers, capacity, the twelve components."""
    from reelplane_infra.cli.costs import figures as run

    run(as_json=as_json)


@prices_app.command("list")
def prices_list(
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    region: Annotated[str | None, typer.Option(help="Only this region.")] = None,
) -> None:
    """Print the rows with source, date and confidence."""
    from reelplane_infra.cli.costs import rows as run

    run(service=service, region=region)


@prices_app.command("update")
def prices_update(
    dry_run: DryRun = False,
    base: Annotated[str | None, typer.Option(metavar="URL", help="Instead of AWS's public address.")] = None,
) -> None:
    """Refresh the rows from AWS's public price list. Needs a network; downloads several hundred megabytes."""
    from reelplane_infra.cli.costs import refresh as run

    run(dry_run=dry_run, base=base)


@prices_app.command("seal")
def prices_seal() -> None:
    """Write the manifest anew, after a row was changed by hand."""
    from reelplane_infra.price import manifest
    from reelplane_infra.price.book import PRICES

    manifest.write(PRICES)
    typer.echo(f"wrote {PRICES / manifest.NAME}")


def main() -> None:
    """Entry point; a Failure becomes two lines and its exit code."""
    try:
        app(prog_name="reelplane-infra")
    except Failure as failure:
        typer.echo(f"reelplane-infra: {failure.message}", err=True)
        if failure.fix:
            typer.echo(f"  {failure.fix}", err=True)
        sys.exit(failure.code)
    except BrokenPipeError:  # `reelplane-infra plan dev | head`
        sys.exit(0)


if __name__ == "__main__":
    main()
