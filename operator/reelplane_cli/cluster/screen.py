"""A platform's summary as one screen: who it is, what serves, who works, what changes, what is wrong. Pure.

What is fine takes little room; what is wrong stands last, next to the prompt.
"""

from __future__ import annotations

from collections.abc import Iterator

from reelplane_cli.cluster.objects import Json
from reelplane_cli.cluster.paint import Cell, Paint, Style
from reelplane_cli.text import span

_ABNORMAL = frozenset({"Reconciling", "Stalled", "Paused", "DevelopmentOnly", "ExtractorRejected"})
"""Conditions that are good news when they are False; they are shown only when they are not."""


def screen(summary: Json, paint: Paint) -> str:
    """The text for a terminal."""
    sections = (
        _head(summary, paint),
        _conditions(summary, paint),
        _serving(summary, paint),
        _pipelines(summary, paint),
        _figures(summary, paint),
        _changes(summary, paint),
        _regions(summary, paint),
        _events(summary, paint),
        _problems(summary, paint),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))


def _head(summary: Json, paint: Paint) -> Iterator[str]:
    platform = summary["platform"]
    title = paint(f"VideoPlatform {platform['namespace']}/{platform['name']}", "head")
    state = _state(summary)
    parts = [title, paint(state.text, state.style)]
    if platform["url"]:
        parts.append(paint(platform["url"], "cyan"))
    yield "  ".join(parts)
    words = []
    if platform["ageSeconds"] is not None:
        words.append(f"age {span(platform['ageSeconds'])}")
    wanted, acted = platform["generation"], platform["observedGeneration"]
    words.append(f"generation {wanted}" + ("" if acted == wanted else f", acted on {acted or 'none'}"))
    if platform["paused"]:
        words.append("`kubectl reelplane resume` ends the pause")
    yield paint(", ".join(words), "faint")


def _state(summary: Json) -> Cell:
    """One word for the whole: the worst thing that is true."""
    told = {each["type"]: each["status"] for each in summary["conditions"]}
    if told.get("Stalled") == "True":
        return Cell("Stalled", "bad")
    if summary["platform"]["paused"]:
        return Cell("Paused", "warn")
    if summary["platform"]["ready"]:
        return Cell("Ready", "good")
    if told.get("Reconciling") == "True":
        return Cell("Reconciling", "warn")
    return Cell("Not ready", "bad")


def _conditions(summary: Json, paint: Paint) -> Iterator[str]:
    rows = [
        [
            each["type"],
            Cell(each["status"], _judged(each)),
            _span(each["sinceSeconds"]),
            each["reason"],
            each["message"],
        ]
        for each in summary["conditions"]
        if each["type"] not in _ABNORMAL or each["status"] != "False"
    ]
    if rows:
        yield from paint.table(["CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"], rows)
    else:
        yield paint("No conditions yet: the operator has not looked at it.", "warn")


def _judged(condition: Json) -> Style:
    if condition["type"] in _ABNORMAL:
        return "bad" if condition["type"] in ("Stalled", "ExtractorRejected") else "warn"
    return {"True": "good", "False": "bad"}.get(condition["status"], "warn")  # type: ignore[return-value]


def _serving(summary: Json, paint: Paint) -> Iterator[str]:
    rows = []
    for part in summary["serving"]:
        if part["wanted"] is None:
            ready = Cell("missing", "bad") if part["ready"] is not None else Cell("external", "faint")
        else:
            ready = _ratio(part["ready"], part["wanted"])
        rows.append([part["part"], ready, part["detail"]])
    yield from paint.table(["SERVING", "READY", "DETAIL"], rows)


def _pipelines(summary: Json, paint: Paint) -> Iterator[str]:
    rows = []
    for pipeline in summary["pipelines"]:
        workers = pipeline["workers"]
        notes = [
            *(["paused"] if pipeline["paused"] else []),
            *(
                ["draining" if workers["wanted"] or workers["ready"] else "drained"]
                if pipeline["drained"]
                else []
            ),
            *([f"{workers['draining']} stopping"] if workers["draining"] else []),
            *([f"through {pipeline['proxies']}"] if pipeline["proxies"] else []),
        ]
        bounds = f"{workers['min']}-{workers['max']}" if workers["max"] is not None else "-"
        rows.append(
            [
                pipeline["name"],
                Cell("True", "good") if pipeline["ready"] else Cell("False", "bad"),
                _ratio(workers["ready"], workers["wanted"]),
                f"{workers['busy']}/{workers['capacity']}" if workers["capacity"] else "-",
                bounds,
                "-" if pipeline["queue"] is None else str(pipeline["queue"]),
                pipeline["hitRate"] or "-",
                Cell(", ".join(notes), "warn" if pipeline["drained"] or pipeline["paused"] else "faint"),
            ]
        )
    if rows:
        yield from paint.table(["PIPELINE", "READY", "WORKERS", "BUSY", "RANGE", "QUEUE", "HIT", ""], rows)
    else:
        yield paint("No VideoPipeline uses this platform: nothing will be downloaded.", "warn")


def _figures(summary: Json, paint: Paint) -> Iterator[str]:
    if queue := summary["queue"]:
        yield (
            f"Queue      {queue.get('waiting', 0)} waiting, {queue.get('running', 0)} running, "
            f"{queue.get('delayed', 0)} backing off"
        )
    else:
        yield "Queue      " + paint("the API does not answer right now", "warn")
    if downloads := summary["downloads"]:
        rate = summary["hitRate"]
        hits = f"{100 * float(rate):.1f}% served without a download, " if rate is not None else ""
        yield f"Downloads  {hits}{downloads.get('done', 0)} done, {downloads.get('failed', 0)} failed"
    if proxies := summary["proxies"]:
        style: Style = "" if proxies.get("healthy") == proxies.get("total") else "warn"
        text = (
            f"{proxies.get('healthy', 0)} of {proxies.get('total', 0)} healthy, {proxies.get('bans', 0)} bans"
        )
        yield "Proxies    " + paint(text, style)
    if extractor := summary["extractor"]:
        yield "Extractor  " + _extractor(extractor, paint)


def _extractor(extractor: Json, paint: Paint) -> str:
    text = f"yt-dlp {extractor.get('current') or 'of the image'}"
    if canary := extractor.get("canary"):
        text += paint(
            f"; canary {canary.get('version')}: {canary.get('jobs', 0)} jobs, {canary.get('failed', 0)} failed",
            "warn",
        )
    if rejected := extractor.get("rejected"):
        text += paint(f"; rejected {', '.join(rejected)}", "bad")
    return text


def _changes(summary: Json, paint: Paint) -> Iterator[str]:
    rows = [
        [
            each["object"],
            f"{each['updated']} of {each['wanted']} new",
            f"{each['old']} old" if each["old"] else "",
        ]
        for each in summary["rollouts"]
    ]
    if rows:
        yield from paint.table(["ROLLING OUT", "", ""], rows)


def _regions(summary: Json, paint: Paint) -> Iterator[str]:
    rows = [
        [
            each["name"],
            Cell(each["ready"], "good" if each["ready"] == "True" else "bad"),
            each["role"],
            str(each["weight"]),
            each["workers"] or "-",
            "-" if each["queue"] is None else str(each["queue"]),
            _span(each["silentSeconds"]),
            each["reason"] if each["ready"] != "True" else "",
        ]
        for each in summary["regions"]
    ]
    if rows:
        yield from paint.table(
            ["REGION", "READY", "ROLE", "WEIGHT", "WORKERS", "QUEUE", "LAST CONTACT", ""], rows
        )


def _events(summary: Json, paint: Paint) -> Iterator[str]:
    rows = [
        [
            _span(each["ageSeconds"]),
            Cell(each["reason"], "warn" if each["type"] == "Warning" else ""),
            each["object"],
            each["message"] + (f" (x{each['count']})" if each["count"] > 1 else ""),
        ]
        for each in summary["events"]
    ]
    if rows:
        yield from paint.table(["EVENT", "REASON", "OBJECT", "MESSAGE"], rows)


def _problems(summary: Json, paint: Paint) -> Iterator[str]:
    if summary["unseen"]:
        yield paint(f"Not shown, since you may not list them: {', '.join(summary['unseen'])}.", "warn")
    if found := summary["problems"]:
        yield paint(f"{len(found)} problem{'s' if len(found) > 1 else ''}", "bad")
    for each in found:
        yield f"  {paint(each['object'], 'head')}  {paint(each['reason'], 'bad')}  {each['message']}".rstrip()
        if each["fix"]:
            yield f"      {each['fix']}"


def _ratio(ready: int, wanted: int) -> Cell:
    return Cell(f"{ready}/{wanted}", "good" if ready >= wanted else "warn" if ready else "bad")


def _span(seconds: int | None) -> str:
    return "-" if seconds is None else span(seconds)
