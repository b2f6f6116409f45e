"""``preview``, ``plan``, ``urns``, ``ledger`` and ``graph``: what would be made, and its cost, without making it."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console

from reelplane_infra.checks.diff import golden
from reelplane_infra.cli import checking
from reelplane_infra.cli.failure import WRONG_INPUT, Failure
from reelplane_infra.cli.priced import environment, priced
from reelplane_infra.record import plan_to_json
from reelplane_infra.report.page import page
from reelplane_infra.report.summary import summary
from reelplane_infra.report.terminal import show
from reelplane_infra.stack import REGIONAL, waves


def preview(source: str, *, as_json: bool, html: Path | None, checks: str) -> None:
    """Prints the summary; raises Failure after it for mandatory findings."""
    names = checking.chosen(checks)
    made = priced(source)
    checked = checking.run(made.plan, made.cost, names)
    document = summary(made.plan, made.cost, checked)
    if html is not None:
        html.write_text(page(document), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        show(document, Console())
    if checked.failed:
        count = sum(each["level"] == "mandatory" for each in document["findings"])
        raise Failure(
            f"{source}: {count} mandatory findings", "each says what would be right", code=WRONG_INPUT
        )


def raw(source: str) -> None:
    typer.echo(json.dumps(plan_to_json(priced(source).plan)))


def urns(source: str, *, write: Path | None) -> None:
    """Prints the golden list of an environment, or writes it to ``write``. Raises Failure."""
    listed = golden(priced(source).plan)
    if write is None:
        typer.echo(listed, nl=False)
        return
    try:
        write.write_text(listed, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{write}: {error.strerror}", "name a file in a folder that is there") from error
    typer.echo(f"wrote {len(listed.splitlines())} URNs to {write}")


def ledger(source: str, *, as_json: bool) -> None:
    """Prints every resource type with its strongest proof, the weakest first. Raises Failure."""
    # The emulators and the schemas are imported by who uses them: they take seconds.
    from reelplane_infra.checks.accept.emulators import NotStarted  # noqa: PLC0415
    from reelplane_infra.checks.ledger import STRENGTH, prove  # noqa: PLC0415

    try:
        made = prove(priced(source).plan, lambda line: typer.echo(line, err=True))
    except NotStarted as error:
        raise Failure(str(error)) from error
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
        return
    for row in sorted(made.rows, key=lambda each: (STRENGTH.index(each.proof), each.type)):
        typer.echo(f"{row.proof:<12}{row.count:>5}  {row.type}  {', '.join(row.by)}".rstrip())
    typer.echo(made.totals())


def graph(source: str) -> None:
    """Waves, and the edges between stacks."""
    chosen = environment(source)
    names = [each.name for each in chosen.regions]
    for number, wave in enumerate(waves(chosen.name, names), start=1):
        for stack in wave:
            layers = dict.fromkeys(each.layer for each in stack.reads(names))
            own = {
                each: f"{each} (its own)" if stack.region and each in REGIONAL else str(each)
                for each in layers
            }
            typer.echo(f"{number}  {stack!s:<32} reads {', '.join(own.values()) or 'nothing'}")
