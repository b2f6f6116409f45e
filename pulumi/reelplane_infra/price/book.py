"""The price book: the rows of prices/*.csv, each with its source, date and confidence, and what a quantity costs.

A price may have tiers: ``from_`` is the quantity a month above which a row holds, as on AWS's price pages. Nothing here
knows resources; ``meters`` says what a resource uses, in the units of these rows.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from reelplane_infra.price.manifest import verify

PRICES: Final = Path(__file__).resolve().parents[3] / "prices"
EVERYWHERE: Final = "*"
"""Region of a row whose price is the same in all of them."""
COLUMNS: Final = ("service", "item", "region", "what", "unit", "from", "usd", "source", "date", "confidence")


class Confidence(StrEnum):
    """Where a figure comes from, the best first."""

    VERIFIED = "verified"
    """Read from AWS's public price list by ``reelplane-infra prices update``."""
    DOCUMENTED = "documented"
    """Stands in the project's documents, at the lines that the source names."""
    UNVERIFIED = "unverified"
    """AWS's list price as it is commonly known; the page named as its source was not fetched."""
    ESTIMATED = "estimated"
    """The price of us-east-1 times the region's usual surcharge (prices/README.md)."""


TRUSTED: Final = frozenset({Confidence.VERIFIED, Confidence.DOCUMENTED})


class PriceError(Exception):
    """A price file that cannot be used, with its file and line, or a price that is not in the book."""


class UnknownPriceError(PriceError):
    """No row for an item in a region."""


@dataclass(frozen=True, slots=True)
class Price:
    """One row: US dollars for one ``unit``, from a monthly quantity of ``from_`` on."""

    service: str
    item: str
    region: str
    what: str
    unit: str
    from_: float
    usd: float
    source: str
    date: str
    confidence: Confidence

    def row(self) -> tuple[str, ...]:
        """As a line of the file, in the order of COLUMNS."""
        numbers = (_number(self.from_), _number(self.usd))
        head = (self.service, self.item, self.region, self.what, self.unit)
        return (*head, *numbers, self.source, self.date, self.confidence.value)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a quantity costs."""

    usd: float
    unverified: float
    """The part of ``usd`` whose rows are neither verified nor documented."""
    price: Price
    """The row that the last unit was charged with."""


class Book:
    """All rows, by item and region."""

    def __init__(self, rows: Iterable[Price]) -> None:
        tiers: defaultdict[tuple[str, str], list[Price]] = defaultdict(list)
        for row in rows:
            tiers[row.item, row.region].append(row)
        self._tiers: Mapping[tuple[str, str], tuple[Price, ...]] = {
            key: tuple(sorted(found, key=lambda each: each.from_)) for key, found in tiers.items()
        }

    @property
    def rows(self) -> tuple[Price, ...]:
        return tuple(row for tiers in self._tiers.values() for row in tiers)

    def tiers(self, item: str, region: str) -> tuple[Price, ...]:
        """The rows of an item, the lowest quantity first. Raises UnknownPriceError."""
        found = self._tiers.get((item, region)) or self._tiers.get((item, EVERYWHERE))
        if not found:
            raise UnknownPriceError(f"{item} in {region}: prices/ has no row for it; add one with its source")
        return found

    def has(self, item: str, region: str) -> bool:
        return (item, region) in self._tiers or (item, EVERYWHERE) in self._tiers

    def charge(self, item: str, region: str, quantity: float) -> Charge:
        """What ``quantity`` units in a month cost, tier by tier. Raises UnknownPriceError."""
        tiers = self.tiers(item, region)
        usd = unverified = 0.0
        last = tiers[0]
        for index, tier in enumerate(tiers):
            end = tiers[index + 1].from_ if index + 1 < len(tiers) else float("inf")
            part = min(quantity, end) - tier.from_
            if part <= 0:
                break
            usd += part * tier.usd
            unverified += 0.0 if tier.confidence in TRUSTED else part * tier.usd
            last = tier
        return Charge(usd, unverified, last)

    def rate(self, item: str, region: str) -> float:
        """The price of the first unit. Raises UnknownPriceError."""
        return self.tiers(item, region)[0].usd


def load(folder: Path = PRICES) -> Book:
    """The book in a folder. Raises PriceError for a file that its manifest does not know, or a row that is wrong."""
    problems = verify(folder)
    if problems:
        raise PriceError("; ".join(problems))
    return Book(row for path in sorted(folder.glob("*.csv")) for row in read(path))


def read(path: Path) -> list[Price]:
    """The rows of one file. Raises PriceError with the line."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise PriceError(
                f"{path.name}: its columns are {reader.fieldnames}, right are {', '.join(COLUMNS)}"
            )
        try:
            return [_price(row) for row in reader]
        except (ValueError, TypeError) as error:
            raise PriceError(f"{path.name}:{reader.line_num}: {error}") from error


def write(path: Path, rows: Iterable[Price]) -> None:
    """Writes rows as ``read`` reads them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row.row() for row in rows)


def _price(row: Mapping[str, str]) -> Price:
    empty = [name for name in COLUMNS if not row[name]]
    if empty:
        raise ValueError(f"{row['item'] or 'a row'}: {', '.join(empty)} is empty; every column is filled")
    from_, usd = float(row["from"]), float(row["usd"])
    if from_ < 0 or usd < 0:
        raise ValueError(f"{row['item']}: from and usd are not negative")
    return Price(
        service=row["service"],
        item=row["item"],
        region=row["region"],
        what=row["what"],
        unit=row["unit"],
        from_=from_,
        usd=usd,
        source=row["source"],
        date=row["date"],
        confidence=Confidence(row["confidence"]),
    )


def _number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")
