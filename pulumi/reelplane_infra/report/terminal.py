"""A summary on a terminal: who it is for and what it costs first, what is wrong last, next to the prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from reelplane_infra.report.words import count, dollars, gigabytes, percent

Json = dict[str, Any]
_MONEY = ("low", "expected", "high")
SERVICES = 12
"""Rows of the services' table; the rest is in ``--json``."""
FINDINGS = 20
"""Advisory findings that are printed; mandatory ones all are."""


def show(summary: Json, console: Console) -> None:
    """Prints everything."""
    sections: Iterable[RenderableType | None] = (
        _head(summary),
        _stacks(summary),
        _regions(summary),
        _services(summary),
        _assumptions(summary),
        _unpriced(summary),
        _never(summary),
    )
    for section in sections:
        if section is not None:
            console.print(section)
            console.print()
    # Unbroken lines: some are commands, to be copied.
    console.print(_findings(summary), soft_wrap=True)
    console.print()


def _head(summary: Json) -> RenderableType:
    environment, total, month = summary["environment"], summary["total"], summary["month"]
    audience = environment["audience"]
    regions = summary["regions"]
    primaries = sum(each["role"] == "primary" for each in regions)
    lines = Text()
    lines.append(environment["name"], style="bold")
    lines.append(f"  {environment['domain']}", style="cyan")
    lines.append(f"  account {environment['account']}, hub {environment['hub']}, ", style="dim")
    lines.append(f"{primaries} primary and {len(regions) - primaries} recovery regions\n", style="dim")
    lines.append(
        f"{count(audience['daily_users'])} users a day x {audience['minutes_per_user_day']:g} min at "
        f"{audience['bitrate_mbps']:g} Mbps = {gigabytes(month['delivered_gb'])} a month, "
        f"{percent(audience['hit_rate'])} of it from the CDN's cache\n"
    )
    lines.append(
        f"{count(audience['uploads_per_day'])} uploads a day, kept {audience['archive_days']:,} days = "
        f"{gigabytes(month['standard_gb'] + month['infrequent_gb'] + month['raw_gb'] + month['glacier_gb'])}"
        " before copies\n\n"
    )
    lines.append(dollars(total["expected"]), style="bold green")
    lines.append(" a month", style="bold")
    lines.append(f", {dollars(total['low'])} to {dollars(total['high'])} as spot prices go; ")
    lines.append(f"{dollars(total['perDailyUser'])} a daily user; ")
    lines.append(f"{percent(total['shareUnverified'])} of it from prices nobody verified", style="yellow")
    return lines


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        text = name in ("stack", "layer", "region", "service", "role", "recovers in", "proofs")
        table.add_column(name, justify="left" if text else "right", no_wrap=name != "proofs")
    return table


def _money(row: Json) -> tuple[str, str, str]:
    low, expected, high = (dollars(row[key]) for key in _MONEY)
    return low, expected, high


def _proofs(proofs: dict[str, int] | None) -> str:
    if proofs is None:
        return "not run"
    return ", ".join(f"{number} {rank}" for rank, number in proofs.items() if number) or "-"


def _stacks(summary: Json) -> Table:
    names = ("layer", "region", "resources", "protected", "low", "expected", "high", "proofs")
    table = _table("Stacks, in the order they are carried out", *names)
    previous = ""
    for row in summary["stacks"]:
        layer = row["layer"] if row["layer"] != previous else ""
        previous = row["layer"]
        counts = (str(row["resources"]), str(row["protected"]))
        table.add_row(layer, row["region"] or "all", *counts, *_money(row), _proofs(row["proofs"]))
    return table


def _regions(summary: Json) -> Table:
    table = _table(
        "Regions: what is charged there, the viewers' bytes by where they watch",
        *("region", "role", "users", "recovers in", "low", "expected", "high"),
    )
    for row in summary["regions"]:
        name = f"{row['name']} (hub)" if row["hub"] else row["name"]
        weight = f"{row['weight']} %" if row["weight"] else "-"
        table.add_row(name, row["role"], weight, row["recovery"] or "-", *_money(row))
    rest = {key: summary["total"][key] - sum(each[key] for each in summary["regions"]) for key in _MONEY}
    table.add_row("no region", "-", "-", "-", *_money(rest))
    return table


def _services(summary: Json) -> Table:
    table = _table("Services", "service", "low", "expected", "high", "share", "unverified")
    total = summary["total"]["expected"] or 1
    for row in summary["services"][:SERVICES]:
        shares = percent(row["expected"] / total), percent(row["shareUnverified"])
        table.add_row(row["service"], *_money(row), *shares)
    return table


def _assumptions(summary: Json) -> RenderableType:
    month = summary["month"]
    table = Table(box=None, pad_edge=False, show_header=False, style="dim", padding=(0, 2, 0, 0))
    for each in summary["assumptions"]:
        table.add_row(each["name"], f"{each['value']:,.4g} {each['unit']}", each["source"])
    head = Text("Assumed", style="bold")
    rest = (
        f"A month of {month['days']} days for traffic and {month['hours']} h for machines; list prices without taxes, "
        "support, discounts, commitments and free tiers."
    )
    return Group(head, Text(rest, style="dim"), table)


def _unpriced(summary: Json) -> RenderableType | None:
    free = summary["free"]
    lines = [
        Text(f"{sum(free.values())} resources of {len(free)} types cost nothing by themselves.", style="dim")
    ]
    if summary["unknown"]:
        named = ", ".join(f"{number} {kind}" for kind, number in sorted(summary["unknown"].items()))
        lines.append(Text(f"Without a price, in no total: {named}", style="yellow"))
    lines += [Text(f"Without a price row: {each}", style="yellow") for each in summary["missing"]]
    lines += [Text(f"Short of capacity: {each}", style="yellow") for each in summary["shortages"]]
    return Group(*lines)


def _never(summary: Json) -> RenderableType:
    lines = [Text("Never executed", style="bold")]
    return Group(*lines, *(Text(f"  {each}", style="dim") for each in summary["neverExecuted"]))


def _findings(summary: Json) -> RenderableType:
    findings, checks = summary["findings"], summary["checks"]
    if not checks:
        return Text("No check ran: --checks all runs them.", style="yellow")
    ran = f"Checks that ran: {', '.join(checks)}."
    if summary["ledger"]:
        ran += f" Resource types by their strongest proof: {_proofs(summary['ledger'])}."
    lines = [Text(ran)]
    lines += [Text(f"warning {each}", style="yellow") for each in summary["warnings"]]
    mandatory = [each for each in findings if each["level"] == "mandatory"]
    advisory = [each for each in findings if each["level"] != "mandatory"]
    lines += [Text(_finding(each), style="yellow") for each in advisory[:FINDINGS]]
    if len(advisory) > FINDINGS:
        lines.append(
            Text(f"and {len(advisory) - FINDINGS} more advisory findings: --json has them", style="dim")
        )
    lines += [Text(_finding(each), style="red") for each in mandatory]
    verdict = f"{len(mandatory)} mandatory and {len(advisory)} advisory findings"
    lines.append(Text(verdict, style="bold red" if mandatory else "bold green"))
    return Group(*lines)


def _finding(finding: dict[str, str]) -> str:
    name = finding["urn"].rsplit("::", maxsplit=1)[-1]
    place = f"{name}.{finding['path']}" if finding["path"] else name
    return f"{finding['level']} {finding['stack']} {place}: {finding['message']} [{finding['rule']}]"
