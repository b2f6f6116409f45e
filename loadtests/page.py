"""The result on one page, without scripts or anything from elsewhere: verdicts, three charts, all requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from loadtests.chart import Line, chart
from loadtests.objectives import MEASURES, Verdict
from loadtests.record import Record

_TEMPLATE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
_WORDS = {True: "pass", False: "fail", None: "not measured"}


def passed(verdicts: Sequence[Verdict]) -> bool:
    """Whether nothing failed and something was shown."""
    return any(verdict.passed for verdict in verdicts) and not any(
        verdict.passed is False for verdict in verdicts
    )


def page(record: Record, verdicts: Sequence[Verdict]) -> str:
    """The whole HTML document."""
    return _TEMPLATE.substitute(
        scenario=escape(record.scenario),
        says=escape(record.says),
        outcome="pass" if passed(verdicts) else "fail",
        host=escape(record.host),
        started=escape(record.started),
        duration=f"{record.seconds[-1].at:.0f}" if record.seconds else "0",
        peak=max((second.users for second in record.seconds), default=0),
        verdicts="\n".join(_verdict(verdict) for verdict in verdicts),
        rate_chart=_rate_chart(record),
        time_chart=_time_chart(record),
        user_chart=_user_chart(record),
        rows="\n".join(
            _row(
                f"{row.method} {row.name}",
                f"{row.requests:,}",
                f"{row.failures:,}",
                *(f"{value:,.0f}" for value in (row.p50_ms, row.p99_ms, row.max_ms)),
            )
            for row in record.rows
        ),
        failures=_failures(record.failures),
    )


def _rate_chart(record: Record) -> str:
    lines = [
        Line("requests", "one", tuple((second.at, float(second.requests)) for second in record.seconds)),
    ]
    if any(second.failures for second in record.seconds):
        lines.append(
            Line("failures", "bad", tuple((second.at, float(second.failures)) for second in record.seconds))
        )
    return chart(lines, unit="", describe="Requests per second over time")


def _user_chart(record: Record) -> str:
    users = Line("users", "three", tuple((second.at, float(second.users)) for second in record.seconds))
    return chart([users], unit="", describe="Users over time")


def _time_chart(record: Record) -> str:
    lines = [
        Line("p50", "one", tuple((second.at, second.p50_ms) for second in record.seconds)),
        Line("p99", "two", tuple((second.at, second.p99_ms) for second in record.seconds)),
    ]
    return chart(
        lines, unit="ms", describe="Median and 99th percentile of response times over time, in milliseconds"
    )


def _verdict(verdict: Verdict) -> str:
    word = _WORDS[verdict.passed]
    value = "" if verdict.value is None else verdict.shown
    return (
        f'<tr class="{word.split()[0]}"><td><b>{word}</b></td><td>{escape(verdict.name)}</td>'
        f'<td class="n">{escape(value)}</td><td class="n">{escape(verdict.wanted)}</td>'
        f"<td>{escape(MEASURES[verdict.name].says)}</td></tr>"
    )


def _failures(found: Sequence[tuple[str, int]]) -> str:
    if not found:
        return "<p>Nothing failed.</p>"
    body = "\n".join(_row(what, f"{count:,}") for what, count in found)
    return f'<table><tr><th>What</th><th class="n">Times</th></tr>\n{body}\n</table>'


def _row(first: str, *numbers: str) -> str:
    return f"<tr><td>{escape(first)}</td>{''.join(_numbers(numbers))}</tr>"


def _numbers(numbers: Iterable[str]) -> Iterable[str]:
    return (f'<td class="n">{number}</td>' for number in numbers)
