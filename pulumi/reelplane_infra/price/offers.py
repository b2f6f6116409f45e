"""Which product of AWS's price list an item of the book is, and whether a line of such a file is that product. Pure.

A price list's file names its columns differently from service to service ("usageType", "Usage Type"), so columns are
compared without spaces and case. Several lines of one product are the tiers of its price.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import yaml
from pydantic import Field, PositiveFloat, TypeAdapter, ValidationError

from reelplane_infra.config.base import Config
from reelplane_infra.price.book import PriceError

FILE: Final = "offers.yaml"
COLUMN: Final = "column"


class Offer(Config):
    """One entry of prices/offers.yaml."""

    items: str
    """A pattern of items: ``ec2.*``."""
    offer: str
    """The service's code in the price list: AmazonEC2."""
    match: Mapping[str, str] = Field(min_length=1)
    """Column -> pattern of its value."""
    scale: PositiveFloat = 1
    """Units of the price list in one unit of the book: a million for prices of a million requests."""
    places: Mapping[str, str] = Field(default_factory=dict)
    """Of a file without regions: its ``column``, and the value of it by region."""

    def wants(self, item: str, region: str) -> dict[str, str]:
        """Column -> pattern for that item: what a line has to have. Columns as ``column`` gives them."""
        prefix = self.items.partition("*")[0]
        patterns = {
            column(name): text.replace("{rest}", item[len(prefix) :]) for name, text in self.match.items()
        }
        if self.places:
            patterns[column(self.places[COLUMN])] = self.places.get(region, "")
        return patterns


def offers(folder: Path) -> tuple[Offer, ...]:
    """All entries. Raises PriceError."""
    path = folder / FILE
    try:
        return TypeAdapter(tuple[Offer, ...]).validate_python(
            tuple(yaml.safe_load(path.read_text(encoding="utf-8")))
        )
    except (OSError, TypeError, yaml.YAMLError, ValidationError) as error:
        raise PriceError(f"{path}: {error}") from error


def offer_of(item: str, known: tuple[Offer, ...]) -> Offer | None:
    """The first entry whose pattern fits: exact names stand before patterns."""
    return next((each for each in known if fnmatchcase(item, each.items)), None)


def column(name: str) -> str:
    return re.sub(r"[^a-z0-9/]", "", name.lower())


def fits(line: Mapping[str, str], patterns: Mapping[str, str]) -> bool:
    """Whether a line of a price list, by columns, is the product."""
    return all(fnmatchcase(line.get(name, ""), pattern) for name, pattern in patterns.items())
