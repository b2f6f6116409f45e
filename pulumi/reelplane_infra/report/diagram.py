"""The regions as a drawing: where they are, whom they serve, who takes over, what each costs and how it is proven.

West is left and north is up; distances are the reader's to imagine. Lines from the edge are as thick as the part of
the viewers that they carry; dashed lines lead from a primary region to the one that takes over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from reelplane_infra.report.summary import RANKS
from reelplane_infra.report.words import dollars

Json = dict[str, Any]
WIDTH: Final = 1180
CARD: Final = (214, 152)
"""Width and height of a region."""
TOP: Final = 148
"""Where the regions begin, below the edge."""
PLACES: Final[Mapping[str, tuple[int, int, str]]] = {
    "us-west-2": (0, 40, "Oregon"),
    "us-east-1": (241, 214, "N. Virginia"),
    "eu-west-1": (483, 40, "Ireland"),
    "eu-central-1": (724, 214, "Frankfurt"),
    "ap-southeast-1": (966, 40, "Singapore"),
}
"""Left and top of a region's card, and the city or state that AWS names it by."""
LAYERS: Final = {
    "edge": "CloudFront, WAF, Route 53: viewers reach the nearest region",
    "data": "Aurora, Keyspaces, replication of media and events, backups",
    "foundation": "keys, images, hosted zone, deployment roles, budget",
}
"""Layers that an environment has once, and what is in them."""


def diagram(summary: Json) -> str:
    """The SVG element."""
    regions = [each for each in summary["regions"] if each["name"] in PLACES]
    bottom = TOP + max((PLACES[each["name"]][1] for each in regions), default=0) + CARD[1]
    height = bottom + 40 + 2 * 74
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="map-title map-text">',
        f'<title id="map-title">{escape(summary["environment"]["name"])}: regions, viewers and costs</title>',
        f'<desc id="map-text">{escape(describe(summary))}</desc>',
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path class="recovery" d="M0 0 10 5 0 10z"/></marker></defs>',
        *_lines(regions),
        _band(summary, "edge", 34),
        *(_card(each, _sum(summary, "region", each["name"])) for each in regions),
        _band(summary, "data", bottom + 40),
        _band(summary, "foundation", bottom + 40 + 74),
        "</svg>",
    ]
    return "\n".join(parts)


def describe(summary: Json) -> str:
    """The drawing in words, for who cannot see it."""
    told = []
    for each in summary["regions"]:
        serves = f"serves {each['weight']} % of the users" if each["weight"] else "serves when another cannot"
        pair = f", recovers in {each['recovery']}" if each["recovery"] else ""
        told.append(
            f"{each['name']} ({each['role']}) {serves}{pair} and costs {dollars(each['expected'])} a month"
        )
    return "; ".join(told) + "."


def _sum(summary: Json, column: str, value: str) -> Json:
    """Sums over the stacks of a layer, or of a region."""
    rows = [each for each in summary["stacks"] if each[column] == value]
    keys = ("resources", "protected", "low", "expected", "high")
    out: Json = {key: sum(each[key] for each in rows) for key in keys}
    known = [each["proofs"] for each in rows if each["proofs"]]
    out["proofs"] = {rank: sum(each[rank] for each in known) for rank in RANKS} if known else None
    return out


def _band(summary: Json, layer: str, top: int) -> str:
    row = _sum(summary, "layer", layer)
    return (
        f'<g transform="translate(0 {top})"><rect class="band" x=".5" y=".5" width="{WIDTH - 1}" height="60" rx="8"/>'
        f'<text class="name" x="18" y="26">{layer}</text>'
        f'<text class="small faint" x="18" y="46">{escape(LAYERS[layer])}; {row["resources"]} resources</text>'
        f"{_proof_bar(row['proofs'], WIDTH - 440, 26, 200)}"
        f'<text class="usd" x="{WIDTH - 18}" y="38" text-anchor="end">{dollars(row["expected"])}</text></g>'
    )


def _lines(regions: list[Json]) -> Iterator[str]:
    places = {each["name"]: PLACES[each["name"]] for each in regions}
    for each in regions:
        left, top, _ = places[each["name"]]
        middle = left + CARD[0] / 2
        if each["weight"]:
            width = 2 + each["weight"] / 5
            yield f'<path class="viewers" stroke-width="{width:g}" d="M{middle} 94V{TOP + top}"/>'
            gap = 10 + width / 2
            right = middle + gap + 110 > WIDTH
            anchor = 'text-anchor="end" ' if right else ""
            yield (
                f'<text class="small" {anchor}x="{middle - gap if right else middle + gap:g}" y="{TOP - 20 + top}">'
                f"{each['weight']} % of the users</text>"
            )
        if each["recovery"] in places:
            yield _pair(places[each["name"]], places[each["recovery"]])


def _pair(one: tuple[int, int, str], other: tuple[int, int, str]) -> str:
    """From the bottom of a primary's card to the near side of its recovery's, or to its foot from far away."""
    width, height = CARD
    start, down = one[0] + width / 2, TOP + one[1] + height
    side = TOP + other[1] + height / 2
    near = other[0] if one[0] < other[0] else other[0] + width
    if abs(one[0] - other[0]) <= 300:
        return f'<path class="pair" marker-end="url(#arrow)" d="M{start} {down}V{side}H{near}"/>'
    foot, end = TOP + other[1] + height + 22, other[0] + width / 2
    return f'<path class="pair" marker-end="url(#arrow)" d="M{start} {down}V{foot}H{end}V{foot - 20}"/>'


def _card(region: Json, own: Json) -> str:
    """A region and what its own stacks are and cost."""
    left, top, city = PLACES[region["name"]]
    width, height = CARD
    role = region["role"]
    hub = ", hub" if region["hub"] else ""
    low, high = dollars(own["low"]), dollars(own["high"])
    spread = f"{low} to {high} (spot)" if low != high else "no spot capacity"
    return (
        f'<g transform="translate({left} {TOP + top})">'
        f'<rect class="card" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>'
        f'<rect class="{role}" width="{width}" height="6" rx="3"/>'
        f'<text class="name" x="14" y="32">{region["name"]}</text>'
        f'<text class="small faint" x="14" y="50">{city}, {role}{hub}</text>'
        f'<text class="usd" x="14" y="82">{dollars(own["expected"])}</text>'
        f'<text class="small faint" x="14" y="101">{spread}</text>'
        f'<text class="small faint" x="14" y="119">{own["resources"]} resources, '
        f"{own['protected']} protected</text>"
        f"{_proof_bar(own['proofs'], 14, 130, width - 28)}</g>"
    )


def _proof_bar(proofs: Mapping[str, int] | None, left: int, top: int, width: int) -> str:
    """Resources by the strongest proof of their type; an empty track where nothing was proven."""
    parts = [f'<rect class="track" x="{left}" y="{top}" width="{width}" height="8" rx="2"/>']
    total = sum((proofs or {}).values())
    at = float(left)
    for rank, number in (proofs or {}).items():
        size = width * number / total if total else 0
        parts.append(f'<rect class="{rank}" x="{at:.1f}" y="{top}" width="{size:.1f}" height="8"/>')
        at += size
    return "".join(parts)
