"""A summary as one HTML file: no script, nothing loaded from elsewhere, light or dark as the reader has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reelplane_infra.report.diagram import diagram
from reelplane_infra.report.summary import RANKS
from reelplane_infra.report.words import count, dollars, gigabytes, percent

Json = dict[str, Any]
STYLE = Path(__file__).with_name("page.css")
ITEMS = 24
"""Rows of the items' table: the dearest."""


def page(summary: Json) -> str:
    """The document."""
    name = escape(summary["environment"]["name"])
    sections = (
        _head(summary),
        f"<figure>{diagram(summary)}<figcaption>{_legend(summary)}</figcaption></figure>",
        _stacks(summary),
        '<div class="columns">',
        _services(summary),
        _items(summary),
        "</div>",
        _findings(summary),
        '<div class="columns">',
        _assumptions(summary),
        _rest(summary),
        "</div>",
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Reelplane: {name}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _head(summary: Json) -> str:
    environment, total, month = summary["environment"], summary["total"], summary["month"]
    audience = environment["audience"]
    return (
        f"<header><div><h1>Reelplane: {escape(environment['name'])}</h1>"
        f"<p>{escape(environment['domain'])} <span class='soft'>account {environment['account']}, "
        f"hub {environment['hub']}</span></p>"
        f"<p>{count(audience['daily_users'])} users a day &times; {audience['minutes_per_user_day']:g} min at "
        f"{audience['bitrate_mbps']:g} Mbps = <b>{gigabytes(month['delivered_gb'])}</b> a month, "
        f"{percent(audience['hit_rate'])} of it from the CDN&rsquo;s cache; "
        f"{count(audience['uploads_per_day'])} uploads a day, kept {audience['archive_days']:,} days</p></div>"
        f"<div class='total'><strong>{dollars(total['expected'])}</strong> a month, {dollars(total['low'])} to "
        f"{dollars(total['high'])}<br>{dollars(total['perDailyUser'])} a daily user<br>"
        f"<span class='advisory'>{percent(total['shareUnverified'])} from unverified prices</span></div></header>"
    )


def _legend(summary: Json) -> str:
    text = (
        "Thick lines: viewers, as wide as their part. Dashed: the region that takes over. Costs a month of the stacks "
        "that stand there; with the fleet&rsquo;s they add up to the total. "
    )
    ledger = summary["ledger"]
    if ledger is None:
        return text + "Grey bars: no proof was asked for in this run."
    counts = ", ".join(f'<span class="key {rank}"></span>{rank} ({ledger[rank]} types)' for rank in RANKS)
    return text + f"Bars: resources by the strongest proof of their type: {counts}."


def _table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
) -> str:
    """Cells are HTML. ``numbers`` are the columns that stand right."""

    def mark(index: int) -> str:
        return ' class="n"' if index in numbers else ""

    heads = "".join(f'<th scope="col"{mark(index)}>{text}</th>' for index, text in enumerate(head))
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{cell}</th>' if index == 0 else f"<td{mark(index)}>{cell}</td>"
            for index, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _stacks(summary: Json) -> str:
    top = max((each["expected"] for each in summary["stacks"]), default=0) or 1
    rows = [
        (
            f"{each['layer']}{' ' + each['region'] if each['region'] else ''}",
            str(each["resources"]),
            str(each["protected"]),
            dollars(each["low"]),
            f"<b>{dollars(each['expected'])}</b>",
            dollars(each["high"]),
            _bar(each["expected"] / top),
            _proofs(each["proofs"]),
        )
        for each in summary["stacks"]
    ]
    head = ("Stack", "Resources", "Protected", "Low", "Expected", "High", "", "Proofs")
    return "<h2>Stacks, in the order they are carried out</h2>" + _table(
        "US dollars a month; low and high are spot prices.", head, rows, (1, 2, 3, 4, 5)
    )


def _bar(share: float) -> str:
    return (
        f'<div class="bar" aria-hidden="true"><span style="width:{max(share * 100, 0.5):.1f}%"></span></div>'
    )


def _proofs(proofs: dict[str, int] | None) -> str:
    if proofs is None:
        return '<span class="soft">not run</span>'
    total = sum(proofs.values()) or 1
    told = ", ".join(f"{number} {rank}" for rank, number in proofs.items() if number) or "none"
    parts = "".join(
        f'<span class="{rank}" style="width:{100 * number / total:.1f}%"></span>'
        for rank, number in proofs.items()
    )
    return f'<div class="proofs" role="img" aria-label="{told}" title="{told}">{parts}</div>'


def _services(summary: Json) -> str:
    total = summary["total"]["expected"] or 1
    rows = [
        (
            escape(each["service"]),
            dollars(each["low"]),
            f"<b>{dollars(each['expected'])}</b>",
            dollars(each["high"]),
            percent(each["expected"] / total),
            percent(each["shareUnverified"]),
        )
        for each in summary["services"]
    ]
    head = ("Service", "Low", "Expected", "High", "Share", "Unverified")
    return (
        "<section><h2>Services</h2>"
        + _table("US dollars a month", head, rows, (1, 2, 3, 4, 5))
        + "</section>"
    )


def _items(summary: Json) -> str:
    rows = [
        (escape(each["what"]), escape(each["service"]), f"<b>{dollars(each['expected'])}</b>")
        for each in summary["items"][:ITEMS]
    ]
    caption = f"The {len(rows)} dearest items of {len(summary['items'])}"
    return (
        "<section><h2>Items</h2>"
        + _table(caption, ("Item", "Service", "Expected"), rows, (2,))
        + "</section>"
    )


def _findings(summary: Json) -> str:
    if not summary["checks"]:
        return "<h2>Findings</h2><p class='soft'>No check ran: <code>--checks all</code> runs them.</p>"
    rows = [
        (
            f"<span class='{each['level']}'>{each['level']}</span>",
            escape(each["stack"]),
            escape(each["urn"].rsplit("::", maxsplit=1)[-1] + (f".{each['path']}" if each["path"] else "")),
            escape(each["message"]),
            escape(each["rule"]),
        )
        for each in summary["findings"]
    ]
    ran = f"Checks that ran: {', '.join(summary['checks'])}"
    if not rows:
        return f"<h2>Findings</h2><p>{ran}. Nothing was found.</p>"
    return "<h2>Findings</h2>" + _table(ran, ("Level", "Stack", "Where", "What", "Rule"), rows)


def _assumptions(summary: Json) -> str:
    rows = [
        (escape(each["name"]), f"{each['value']:.4g} {escape(each['unit'])}", escape(each["source"]))
        for each in summary["assumptions"]
    ]
    month = summary["month"]
    caption = (
        f"A month has {month['days']} days of traffic and {month['hours']} h of machines; list prices without taxes, "
        "support, discounts, commitments and free tiers."
    )
    return (
        "<section><h2>Assumed</h2>"
        + _table(caption, ("Figure", "Value", "Source"), rows, (1,))
        + "</section>"
    )


def _rest(summary: Json) -> str:
    free = summary["free"]
    unknown = [f"{number} {kind}, in no total" for kind, number in sorted(summary["unknown"].items())]
    return "<section>" + "".join(
        (
            *_list("Never executed", summary["neverExecuted"]),
            *_list("Short of capacity", summary["shortages"]),
            *_list("Without a price", [*unknown, *summary["missing"]]),
            f"<p class='soft'>{sum(free.values())} resources of {len(free)} types cost nothing by themselves.</p>",
            "</section>",
        )
    )


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"<h2>{title}</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
