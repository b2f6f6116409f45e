"""The price book: nothing in it without a source, nothing changed unseen, tiers charged as AWS charges them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from reelplane_infra.price import manifest
from reelplane_infra.price.book import (
    PRICES,
    Book,
    Confidence,
    Price,
    PriceError,
    UnknownPriceError,
    load,
    read,
)
from reelplane_infra.price.cost import sized
from reelplane_infra.topology import REGIONS


@pytest.fixture(scope="module")
def book() -> Book:
    return load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRICES, tmp_path / "prices"))


def price(**changes: object) -> Price:
    plain = {
        "service": "s", "item": "s.gb", "region": "*", "what": "w", "unit": "GB", "from_": 0.0, "usd": 1.0,
        "source": "https://example.com", "date": "2026-11-21", "confidence": Confidence.UNVERIFIED,
    }  # fmt: skip
    return Price(**(plain | changes))  # type: ignore[arg-type]


def test_the_shipped_files_are_those_of_the_manifest() -> None:
    assert manifest.verify(PRICES) == []


def test_a_changed_file_is_refused_until_it_is_sealed(copy: Path) -> None:
    (copy / "s3.csv").write_text((copy / "s3.csv").read_text().replace("0.023", "0.022"))
    with pytest.raises(PriceError, match=r"s3\.csv was changed.*prices seal"):
        load(copy)
    manifest.write(copy)
    assert load(copy).rate("s3.standard.gb", "us-west-2") == 0.022


def test_an_added_or_missing_file_is_refused(copy: Path) -> None:
    (copy / "s3.csv").rename(copy / "s4.csv")
    with pytest.raises(
        PriceError, match=r"s4\.csv is not in the manifest.*s3\.csv is in the manifest and is missing"
    ):
        load(copy)


def test_every_row_has_a_source_and_a_date(book: Book) -> None:
    for row in book.rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row.date), row
        assert row.source.startswith(("https://", "document ", "research note")), row


def test_every_item_has_a_price_in_every_region(book: Book) -> None:
    missing = [
        (item, region)
        for item in {row.item for row in book.rows}
        for region in REGIONS
        if not book.has(item, region)
    ]
    only_documents = {item for item in missing if ".document." in item[0]}
    assert set(missing) == only_documents


def test_nothing_that_ships_claims_to_be_verified_without_aws_price_list_as_its_source(book: Book) -> None:
    for row in book.rows:
        if row.confidence is Confidence.VERIFIED:
            assert row.source.startswith("https://pricing.us-east-1.amazonaws.com/"), row


def test_the_figures_of_the_documents_are_marked_as_such(book: Book) -> None:
    for item, usd in (("s3.standard.gb", 0.023), ("s3.ia.gb", 0.0125)):
        row = book.tiers(item, "us-west-2")[0]
        assert (row.usd, row.confidence) == (usd, Confidence.DOCUMENTED)
    lowest = book.tiers("cdn.gb", "us-west-2")[-1]
    assert (lowest.usd, lowest.confidence) == (0.02, Confidence.DOCUMENTED)


def test_tiers_are_charged_one_after_the_other() -> None:
    tiers = Book([price(from_=100.0, usd=1.0, confidence=Confidence.VERIFIED), price(usd=2.0)])
    charge = tiers.charge("s.gb", "eu-west-1", 150)
    assert charge.usd == 100 * 2 + 50 * 1
    assert charge.unverified == 200
    assert charge.price.from_ == 100
    assert tiers.charge("s.gb", "eu-west-1", 40).usd == 40 * 2


def test_an_item_without_a_row_is_named(book: Book) -> None:
    with pytest.raises(UnknownPriceError, match=r"teleport\.gb in eu-west-1"):
        book.charge("teleport.gb", "eu-west-1", 1)


@pytest.mark.parametrize(("size", "larges"), [("medium", 0.5), ("large", 1), ("xlarge", 2), ("4xlarge", 8)])
def test_a_size_without_a_row_is_charged_in_proportion_to_its_family(
    book: Book, size: str, larges: float
) -> None:
    assert sized(f"ec2.m7g.{size}", "us-west-2", book) == (
        f"ec2.m7g.{size}" if size == "large" else "ec2.m7g.large",
        larges,
    )


def test_a_size_that_does_not_exist_has_no_price(book: Book) -> None:
    with pytest.raises(UnknownPriceError, match="no size of that name"):
        sized("ec2.m7g.gigantic", "us-west-2", book)


def test_a_row_with_an_empty_column_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s3.csv"
    lines = (PRICES / "s3.csv").read_text().splitlines()[:2]
    path.write_text("\n".join([lines[0], lines[1], lines[1].replace(",2026-11-21,", ",,")]))
    with pytest.raises(PriceError, match=r"s3\.csv:3: .*date is empty"):
        read(path)
