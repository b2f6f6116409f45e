"""A recorded plan's monthly cost: uses times prices, line by line, and totals by whatever is asked.

Spot makes three figures of one: the expected price, the lowest and the highest. Everything else has one figure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from reelplane_infra.config import Environment
from reelplane_infra.price.book import Book, Charge, UnknownPriceError
from reelplane_infra.price.meters import METERS, Site, Use, free
from reelplane_infra.record import Record, RecordedPlan, Resource

GLOBAL: Final = "global"
"""Region of what an environment has once and AWS serves from everywhere."""
LARGE: Final = "large"


@dataclass(frozen=True, slots=True)
class Range:
    """US dollars a month; ``unverified`` is the part of ``expected`` without a verified or documented price."""

    low: float = 0.0
    expected: float = 0.0
    high: float = 0.0
    unverified: float = 0.0

    def __add__(self, other: Range) -> Range:
        return Range(
            self.low + other.low,
            self.expected + other.expected,
            self.high + other.high,
            self.unverified + other.unverified,
        )

    @property
    def share_unverified(self) -> float:
        """0 to 1."""
        return self.unverified / self.expected if self.expected else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """One item of one resource."""

    stack: str
    layer: str
    region: str
    """Where it is charged; ``global`` for what an environment has once."""
    service: str
    urn: str
    type: str
    item: str
    what: str
    unit: str
    quantity: float
    """Units a month."""
    cost: Range
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Everything that an environment's resources cost, and what could not be priced."""

    environment: str
    lines: tuple[Line, ...]
    free: dict[str, int]
    """Type -> resources that cost nothing by themselves."""
    unknown: dict[str, int]
    """Type -> resources of which nobody has said what they cost."""
    missing: tuple[str, ...] = ()
    """Items that a resource uses and the book has no row for."""

    def total(self, keep: Callable[[Line], bool] = lambda _: True) -> Range:
        """Of the lines that are kept."""
        return sum((line.cost for line in self.lines if keep(line)), Range())

    def by(self, *columns: str) -> dict[tuple[str, ...], Range]:
        """Totals by columns of Line ("layer", "region"), the dearest first."""
        totals: defaultdict[tuple[str, ...], Range] = defaultdict(Range)
        for line in self.lines:
            totals[tuple(getattr(line, each) for each in columns)] += line.cost
        return dict(sorted(totals.items(), key=lambda each: -each[1].expected))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "total": asdict(self.total())}


def cost(plan: RecordedPlan, book: Book) -> Cost:
    """What a recorded plan costs in a month."""
    environment = Environment.model_validate(plan.environment, strict=False)
    lines: list[Line] = []
    missing: list[str] = []
    nothing: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for record, resource in plan.resources():
        meter = METERS.get(resource.type)
        if meter is None:
            (nothing if free(resource.type) else unknown)[resource.type] += 1
            continue
        site = Site(environment, resource.region or record.stack.region or environment.hub)
        for use in meter(resource, site):
            try:
                lines.append(_line(record, resource, site, use, book))
            except UnknownPriceError as error:
                missing.append(str(error))
    return Cost(environment.name, tuple(lines), dict(nothing), dict(unknown), tuple(dict.fromkeys(missing)))


def _line(record: Record, resource: Resource, site: Site, use: Use, book: Book) -> Line:
    where = use.region or site.region
    item, size = sized(use.item, where, book)
    charge = book.charge(item, where, use.quantity * size)
    row = charge.price
    shown = use.region or resource.region or record.stack.region or GLOBAL
    return Line(
        stack=str(record.stack),
        layer=record.stack.layer.value,
        region=shown,
        service=row.service,
        urn=resource.urn,
        type=resource.type,
        item=use.item,
        what=f"{row.what} (spot)" if use.spot else row.what,
        unit=row.unit,
        quantity=use.quantity,
        cost=_range(charge, use, where, book),
        source=row.source,
        confidence=row.confidence.value,
    )


def _range(charge: Charge, use: Use, where: str, book: Book) -> Range:
    if not use.spot:
        return Range(charge.usd, charge.usd, charge.usd, charge.unverified)
    low, expected, high = (book.rate(f"spot.{each}", where) for each in ("low", "expected", "high"))
    return Range(charge.usd * low, charge.usd * expected, charge.usd * high, charge.unverified * expected)


def sized(item: str, region: str, book: Book) -> tuple[str, float]:
    """The row of an instance type, and how many of it: a family's sizes cost in proportion to ``large``.

    ``ec2.m7g.4xlarge`` is eight of ``ec2.m7g.large`` where the book has no row of its own, which holds for all
    families without accelerators on AWS's price pages. Raises UnknownPriceError if the size has no such name.
    """
    family, _, size = item.rpartition(".")
    if book.has(item, region) or not book.has(f"{family}.{LARGE}", region):
        return item, 1.0
    small = {"nano": 1 / 16, "micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2, "large": 1.0, "xlarge": 2.0}
    count = size.removesuffix("xlarge")
    if size in small:
        return f"{family}.{LARGE}", small[size]
    if size.endswith("xlarge") and count.isdigit():
        return f"{family}.{LARGE}", 2.0 * int(count)
    raise UnknownPriceError(f"{item} in {region}: no size of that name")
