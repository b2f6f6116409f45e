"""``prices update`` against files in the format of AWS's price list, served on loopback."""

from __future__ import annotations

import csv
import io
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reelplane_infra.price import manifest
from reelplane_infra.price.book import PRICES, Confidence, PriceError, load
from reelplane_infra.price.offers import offer_of, offers
from reelplane_infra.price.update import update

ABOUT = (
    ("FormatVersion", "v1.0"),
    ("Disclaimer", "This pricing list is for informational purposes only, and goes on with a comma"),
    ("Publication Date", "2026-12-01T20:59:55Z"),
    ("Version", "20261201205955"),
)
FILES = "/offers/v1.0/aws"


def listing(offer: str, *rows: Mapping[str, str]) -> str:
    """A file of the price list: five lines about it, the columns, a line per price."""
    fixed = {
        "SKU": "K", "OfferTermCode": "JRTCKXETXF", "RateCode": "K.JRTCKXETXF.6YS6EN2CT7", "TermType": "OnDemand",
        "StartingRange": "0", "EndingRange": "Inf", "Unit": "Hrs", "Currency": "USD",
    }  # fmt: skip
    columns = list(dict.fromkeys([*fixed, "PricePerUnit", *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([*ABOUT, ("OfferCode", offer), columns])
    writer.writerows([[{**fixed, **row}.get(name, "") for name in columns] for row in rows])
    return text.getvalue()


def instance(kind: str, usd: str, **more: str) -> dict[str, str]:
    return {
        "PricePerUnit": usd, "Instance Type": kind, "Operating System": "Linux", "Tenancy": "Shared",
        "Pre Installed S/W": "NA", "CapacityStatus": "Used", "operation": "RunInstances",
    } | more  # fmt: skip


EC2_WEST = listing(
    "AmazonEC2",
    instance("m7g.large", "0.0900000000"),
    instance("m7g.large", "0.1500000000", **{"Operating System": "Windows"}),
    instance("m7g.large", "0.0500000000", TermType="Reserved"),
    instance("m7g.large", "0.6000000000", Currency="CNY"),
    instance("c7g.large", "0.0700000000"),
    instance("c7g.large", "0.0710000000"),
    {"PricePerUnit": "0.0450000000", "usageType": "USW2-NatGateway-Hours", "operation": "NatGateway"},
)
S3_WEST = listing(
    "AmazonS3",
    *(
        {
            "PricePerUnit": usd,
            "StartingRange": start,
            "usageType": "USW2-TimedStorage-ByteHrs",
            "Volume Type": "Standard",
        }
        for start, usd in (("512000", "0.0200000000"), ("0", "0.0230000000"))
    ),
    {"PricePerUnit": "0.0000050000", "usageType": "USW2-Requests-Tier1", "Group": "S3-API-Tier1"},
)
CLOUDFRONT = listing(
    "AmazonCloudFront",
    {"PricePerUnit": "0.0840000000", "Transfer Type": "CloudFront Outbound", "From Location": "Europe"},
    {"PricePerUnit": "0.1190000000", "Transfer Type": "CloudFront Outbound", "From Location": "Asia Pacific"},
)


@pytest.fixture
def serve() -> Iterator[Callable[[Mapping[str, str]], str]]:
    """Serves texts by path, any other path of the price list with a file that has no rows; gives the address."""
    servers: list[ThreadingHTTPServer] = []

    def started(files: Mapping[str, str]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = files.get(self.path, listing("Empty")).encode()
                self.send_response(404 if body == b"missing" else 200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRICES, tmp_path / "prices"))


@pytest.fixture
def base(serve: Callable[[Mapping[str, str]], str]) -> str:
    return serve(
        {
            f"{FILES}/AmazonEC2/current/us-west-2/index.csv": EC2_WEST,
            f"{FILES}/AmazonS3/current/us-west-2/index.csv": S3_WEST,
            f"{FILES}/AmazonCloudFront/current/index.csv": CLOUDFRONT,
        }
    )


def test_a_price_that_is_found_replaces_the_row_with_its_source_and_day(folder: Path, base: str) -> None:
    update(folder, base=base)
    (row,) = load(folder).tiers("ec2.m7g.large", "us-west-2")
    assert (row.usd, row.confidence, row.date) == (0.09, Confidence.VERIFIED, "2026-12-01")
    assert row.source == f"{base}{FILES}/AmazonEC2/current/us-west-2/index.csv"


def test_lines_of_other_products_terms_and_currencies_are_not_taken(folder: Path, base: str) -> None:
    update(folder, base=base)
    assert len(load(folder).tiers("ec2.m7g.large", "us-west-2")) == 1


def test_tiers_come_in_their_order_and_units_are_ours(folder: Path, base: str) -> None:
    update(folder, base=base)
    book = load(folder)
    assert [(row.from_, row.usd) for row in book.tiers("s3.standard.gb", "us-west-2")] == [
        (0, 0.023),
        (512000, 0.02),
    ]
    assert book.rate("s3.put", "us-west-2") == pytest.approx(0.005)


def test_a_file_without_regions_is_read_by_place(folder: Path, base: str) -> None:
    update(folder, base=base)
    book = load(folder)
    assert book.rate("cdn.gb", "eu-central-1") == 0.084
    assert book.rate("cdn.gb", "ap-southeast-1") == 0.119


def test_an_item_with_several_prices_or_none_keeps_its_row_and_is_named(folder: Path, base: str) -> None:
    before = load(folder)
    found = update(folder, base=base)
    after = load(folder)
    for item in ("ec2.c7g.large", "ec2.r7g.large"):
        assert after.tiers(item, "us-west-2") == before.tiers(item, "us-west-2")
    reasons = {line.split(" in /")[0] for line in found.unfound}
    assert "ec2.c7g.large in us-west-2: several prices" in reasons
    assert "ec2.r7g.large in us-west-2: no such product" in reasons
    assert "spot.expected" in found.unlisted


def test_a_dry_run_says_the_same_and_writes_nothing(folder: Path, base: str) -> None:
    before = manifest.digests(folder)
    found = update(folder, base=base, dry_run=True)
    assert manifest.digests(folder) == before
    assert {change.after[0].item for change in found.changes if change.differs} >= {"ec2.m7g.large", "cdn.gb"}
    assert all(not change.differs for change in found.changes if change.after[0].item == "nat.hour")


def test_the_manifest_is_written_with_the_files(folder: Path, base: str) -> None:
    update(folder, base=base)
    assert manifest.verify(folder) == []


def test_without_a_network_nothing_is_changed_and_the_error_says_so(folder: Path) -> None:
    before = manifest.digests(folder)
    with pytest.raises(PriceError, match=r"not reached .* needs a network, the prices are unchanged"):
        update(folder, base="http://127.0.0.1:9")
    assert manifest.digests(folder) == before


def test_an_answer_that_is_no_price_list_changes_nothing(
    folder: Path, serve: Callable[[Mapping[str, str]], str]
) -> None:
    before = manifest.digests(folder)
    path = f"{FILES}/AmazonEC2/current/us-west-2/index.csv"
    for body, told in (("<html>sign in</html>", "not a price list"), ("missing", "AWS answered 404")):
        with pytest.raises(PriceError, match=told):
            update(folder, base=serve({path: body}))
    assert manifest.digests(folder) == before


def test_exact_items_stand_before_the_patterns_that_would_swallow_them() -> None:
    known = offers(PRICES)
    for index, entry in enumerate(known):
        first = offer_of(entry.items.replace("*", "x"), known)
        assert first is not None
        assert known.index(first) >= index or "*" in entry.items, entry.items
    serverless = offer_of("cache.serverless.gb", known)
    assert serverless is not None
    assert "Instance Type" not in serverless.match
