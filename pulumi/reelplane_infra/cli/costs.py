"""``compare``, ``figures`` and ``prices``: money, without a plan's other sides."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from reelplane_infra.cli.failure import WRONG_INPUT, Failure
from reelplane_infra.cli.priced import priced, prices
from reelplane_infra.price import update
from reelplane_infra.price.book import PriceError
from reelplane_infra.price.compare import compare as difference
from reelplane_infra.price.documents import Figure, everything
from reelplane_infra.report.words import dollars

COLUMNS = ("service", "item", "layer", "region", "type")


def compare(before: str, after: str, *, by: str, as_json: bool) -> None:
    """Prints the difference. Raises Failure."""
    columns = tuple(each.strip() for each in by.split(","))
    if wrong := [each for each in columns if each not in COLUMNS]:
        raise Failure(f"--by {', '.join(wrong)}: no such column", ", ".join(COLUMNS), code=WRONG_INPUT)
    left, right = priced(before).cost, priced(after).cost
    found = difference(left, right, *columns)
    one, other = left.total(), right.total()
    if as_json:
        rows = [{**asdict(each), "usd": each.usd} for each in found]
        typer.echo(json.dumps({"before": asdict(one), "after": asdict(other), "differences": rows}, indent=2))
        return
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for name in (before, after, "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        table.add_row(
            *each.group, dollars(each.before.expected), dollars(each.after.expected), _signed(each.usd)
        )
    table.add_section()
    change = _signed(other.expected - one.expected)
    table.add_row("total", *[""] * (len(columns) - 1), dollars(one.expected), dollars(other.expected), change)
    Console().print(table)


def figures(*, as_json: bool) -> None:
    """Prints stated beside recomputed."""
    found = everything(prices())
    if as_json:
        typer.echo(json.dumps([{**asdict(each), "holds": each.holds} for each in found], indent=2))
        return
    table = Table("row", "figure", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("stated", "recomputed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("where they part")
    for each in found:
        stated = "-" if each.stated is None else _figure(each, each.stated)
        again = _figure(each, each.recomputed)
        table.add_row(each.row, each.name, stated, again, each.unit, "" if each.holds else each.why)
    Console().print(table)


def rows(*, service: str | None, region: str | None) -> None:
    """Prints the rows that are asked for."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("item", "region", "from", "usd", "unit", "confidence", "date", "source"):
        table.add_column(name, justify="right" if name in ("from", "usd") else "left", overflow="fold")
    for each in prices().rows:
        if service in (None, each.service) and region in (None, each.region):
            table.add_row(
                each.item,
                each.region,
                f"{each.from_:g}",
                f"{each.usd:g}",
                each.unit,
                each.confidence,
                each.date,
                each.source,
            )
    Console().print(table)


def refresh(*, dry_run: bool, base: str | None) -> None:
    """Refreshes and says what changed. Raises Failure, with nothing written."""
    try:
        found = update.update(
            base=base or update.BASE, dry_run=dry_run, say=lambda line: typer.echo(line, err=True)
        )
    except PriceError as error:
        raise Failure(str(error)) from error
    changed = [each for each in found.changes if each.differs]
    for each in changed:
        head = each.before[0]
        old, new = (", ".join(f"{tier.usd:g}" for tier in tiers) for tiers in (each.before, each.after))
        typer.echo(f"{head.item} in {head.region}: {old} -> {new} $ per {head.unit}")
    for line in found.unfound:
        typer.echo(f"kept {line}")
    if found.unlisted:
        typer.echo(f"kept, since offers.yaml names no product: {', '.join(found.unlisted)}")
    done = "would be" if dry_run else "are"
    typer.echo(f"{len(found.changes)} prices {done} verified, {len(changed)} of them changed")


def _signed(usd: float) -> str:
    return f"+{dollars(usd)}" if usd > 0 else dollars(usd)


def _figure(figure: Figure, value: float) -> str:
    return (
        dollars(value)
        if figure.unit.startswith("$")
        else f"{value:,.4g}"
        if value < 1000
        else f"{value:,.0f}"
    )
