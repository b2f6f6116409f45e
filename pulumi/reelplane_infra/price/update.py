"""Refreshing the price book from AWS's public price list, which needs a network and no account.

    book x offers.yaml --> what is wanted of each file --> files, read line by line --> rows, verified --> prices/*.csv

A service's file of a region has hundreds of megabytes (EC2), so it is never held: lines pass, those that are wanted
stay. An item that no line fits, or that lines with different prices fit, keeps its row and is named. Format of the
files: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
(2026-11): five lines about the file, one with the columns, then a line per price.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

import httpx

from reelplane_infra.price import manifest
from reelplane_infra.price.book import EVERYWHERE, PRICES, Confidence, Price, PriceError, load, read, write
from reelplane_infra.price.offers import Offer, column, fits, offer_of, offers

BASE: Final = "https://pricing.us-east-1.amazonaws.com"
ANY_REGION: Final = "us-east-1"
"""Where an item that costs the same everywhere is looked up."""
PREAMBLE: Final = 5
PATIENCE: Final = 60.0
"""Seconds without a byte after which a file is given up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item of the book in one region, and how its lines are known."""

    item: str
    region: str
    patterns: Mapping[str, str]
    scale: float


@dataclass(frozen=True, slots=True)
class Change:
    """An item in a region, before and after."""

    before: tuple[Price, ...]
    after: tuple[Price, ...]

    @property
    def differs(self) -> bool:
        """Whether a figure is another one; the source and date of all change."""
        return [(p.from_, p.usd) for p in self.before] != [(p.from_, p.usd) for p in self.after]


@dataclass(frozen=True, slots=True)
class Refresh:
    """What an update found."""

    changes: tuple[Change, ...]
    unfound: tuple[str, ...]
    """Items whose product the price list does not have, or has with several prices; their rows are kept."""
    unlisted: tuple[str, ...]
    """Items that offers.yaml names no product for; their rows are kept."""


def update(
    folder: Path = PRICES,
    *,
    base: str = BASE,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Refresh:
    """Refreshes every row that offers.yaml has a product for, and writes files and manifest unless ``dry_run``.

    ``say`` is told each file that is read. Raises PriceError, with nothing written, if a file cannot be read.
    """
    rows = load(folder).rows
    known = offers(folder)
    tiers = {key: tuple(found) for key, found in groupby(sorted(rows, key=_key), key=_key)}
    wanted, unlisted = _wanted(tiers, known)
    changes: list[Change] = []
    unfound: list[str] = []
    with httpx.Client(timeout=PATIENCE, follow_redirects=True) as client:
        for path, asked in wanted.items():
            say(f"reading {base}{path}")
            published, lines = _lines(client, base + path)
            prices = _collect(lines, asked)
            for each in asked:
                before = tiers[each.item, each.region]
                found = prices[each.item, each.region]
                if not found or None in found.values():
                    reason = "several prices" if found else "no such product"
                    unfound.append(f"{each.item} in {each.region}: {reason} in {path}")
                    continue
                after = _rows(before[0], found, source=base + path, date=published)
                changes.append(Change(before, after))
    result = Refresh(tuple(changes), tuple(unfound), unlisted)
    if not dry_run:
        _save(folder, tiers, result)
    return result


def _key(row: Price) -> tuple[str, str]:
    return row.item, row.region


def _wanted(
    keys: Iterable[tuple[str, str]], known: tuple[Offer, ...]
) -> tuple[dict[str, list[Wanted]], tuple[str, ...]]:
    """What to look for by the file's path, and the items without an entry."""
    wanted: defaultdict[str, list[Wanted]] = defaultdict(list)
    unlisted: dict[str, None] = {}
    for item, region in keys:
        offer = offer_of(item, known)
        if offer is None:
            unlisted[item] = None
            continue
        where = ANY_REGION if region == EVERYWHERE else region
        file = "index.csv" if offer.places else f"{where}/index.csv"
        path = f"/offers/v1.0/aws/{offer.offer}/current/{file}"
        wanted[path].append(Wanted(item, region, offer.wants(item, where), offer.scale))
    return dict(wanted), tuple(unlisted)


def _lines(client: httpx.Client, url: str) -> tuple[str, Iterator[dict[str, str]]]:
    """The day a file was published, and its lines by column, read as they are taken."""
    stream = _text(client, url)
    head = [next(csv.reader([next(stream, "")]), []) for _ in range(PREAMBLE)]
    about = {line[0].replace(" ", ""): line[1] for line in head if len(line) > 1}
    names = [column(name) for name in next(csv.reader([next(stream, "")]), [])]
    if "PublicationDate" not in about or "priceperunit" not in names:
        raise PriceError(
            f"{url}: not a price list: five lines about the file and one of columns are expected"
        )
    return about["PublicationDate"][:10], (dict(zip(names, row, strict=False)) for row in csv.reader(stream))


def _text(client: httpx.Client, url: str) -> Iterator[str]:
    try:
        with client.stream("GET", url) as response:
            response.raise_for_status()
            yield from response.iter_lines()
    except httpx.HTTPStatusError as error:
        raise PriceError(
            f"{url}: AWS answered {error.response.status_code}; the prices are unchanged"
        ) from error
    except httpx.HTTPError as error:
        told = str(error) or type(error).__name__
        raise PriceError(
            f"{url}: not reached ({told}); this needs a network, the prices are unchanged"
        ) from error


def _collect(
    lines: Iterable[Mapping[str, str]], wanted: Iterable[Wanted]
) -> dict[tuple[str, str], dict[float, float | None]]:
    """(item, region) -> lower bound of the tier -> US dollars; None where lines disagree."""
    asked = tuple(wanted)
    found: dict[tuple[str, str], dict[float, float | None]] = {(each.item, each.region): {} for each in asked}
    for line in lines:
        if line.get("termtype") != "OnDemand" or line.get("currency") != "USD":
            continue
        for each in asked:
            if not fits(line, each.patterns):
                continue
            tiers = found[each.item, each.region]
            start = float(line.get("startingrange") or 0) / each.scale
            usd = float(line["priceperunit"]) * each.scale
            tiers[start] = usd if tiers.get(start, usd) == usd else None
    return found


def _rows(model: Price, found: Mapping[float, float | None], *, source: str, date: str) -> tuple[Price, ...]:
    return tuple(
        replace(model, from_=start, usd=usd, source=source, date=date, confidence=Confidence.VERIFIED)
        for start, usd in sorted(found.items())
        if usd is not None
    )


def _save(folder: Path, tiers: Mapping[tuple[str, str], tuple[Price, ...]], result: Refresh) -> None:
    """Writes every file with its rows in the order that they had."""
    fresh = {_key(change.after[0]): change.after for change in result.changes}
    order: defaultdict[str, list[Price]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for path in sorted(folder.glob("*.csv")):
        for row in read(path):
            if _key(row) not in seen:
                seen.add(_key(row))
                order[path.name] += fresh.get(_key(row), tiers[_key(row)])
    for name, rows in order.items():
        write(folder / name, rows)
    manifest.write(folder)
