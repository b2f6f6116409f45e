"""The documents' figures: those that hold are reproduced, those that do not are printed twice."""

from __future__ import annotations

import pytest

from reelplane_infra.config import load as environment
from reelplane_infra.price.book import Book, load
from reelplane_infra.price.documents import Figure, capacity, components, everything, tier, tiers, totals
from reelplane_infra.price.usage import gigabytes_delivered, usage


@pytest.fixture(scope="module")
def book() -> Book:
    return load()


def named(figures: tuple[Figure, ...], name: str) -> Figure:
    return next(each for each in figures if each.name == name)


@pytest.mark.parametrize(
    ("users", "usd"), [(1, 5), (10_000, 5), (10_001, 30), (50_000, 30), (100_000, 100), (100_001, 300)]
)
def test_the_tiers_of_s1_12_are_reproduced(users: int, usd: float) -> None:
    assert tier(users) == usd


def test_the_tiers_stand_beside_what_their_traffic_costs(book: Book) -> None:
    """10,000 visits x 10 min x 1.5 Mbps = 1,125 GB at $0.085."""
    first = tiers(book)[0]
    assert (first.stated, first.recomputed) == (5, pytest.approx(1_125 * 0.085))


def test_the_capacity_of_s4_1_is_derived_from_users_and_uploads() -> None:
    differing = {each.name: each.recomputed for each in capacity() if not each.holds}
    assert differing == {
        "views a day": 25,
        "stored a day, with the raw file": pytest.approx(8.25),
        "transcoding GPUs, average": pytest.approx(34_722, abs=1),
        "transcoding GPUs, peak": pytest.approx(104_167, abs=1),
    }


def test_the_twelve_components_of_s4_36_are_all_there_and_add_up(book: Book) -> None:
    rows = components(book)
    assert len(rows) == 12
    assert sum(each.stated or 0 for each in rows) == pytest.approx(32.77e6, rel=0.001)


def test_the_archive_costs_what_the_documents_say(book: Book) -> None:
    """97.5 PB x $23 + 1,089 PB x $12.50 + 3.7 EB x $4."""
    s3 = named(components(book), "S3 (videos)")
    assert s3.holds
    assert s3.recomputed == pytest.approx(30.65e6, rel=0.001)


@pytest.mark.parametrize(
    ("name", "recomputed"),
    [
        ("CDN (CloudFront)", 456e6),
        ("Redis (400 nodes)", 112e3),
        ("GPU workers (6,000)", 2.52e6),
        ("total, CDN recomputed", 488e6),
        ("per daily user, CDN recomputed", 0.98),
        ("CDN at the lowest listed rate", 33.75e6),
    ],
)
def test_disputed_figures_have_both(book: Book, name: str, recomputed: float) -> None:
    figure = named(everything(book), name)
    assert not figure.holds
    assert figure.stated
    assert figure.why
    assert figure.recomputed == pytest.approx(recomputed, rel=0.005)


def test_what_holds_needs_no_reason_and_what_does_not_has_one(book: Book) -> None:
    assert all(each.why for each in everything(book) if not each.holds)
    assert named(totals(book), "per daily user").holds


def test_the_environment_global_has_the_sizes_of_s4_1() -> None:
    audience = environment("global").audience
    assert gigabytes_delivered(audience) == pytest.approx(1_687.5e6)
    month = usage(audience)
    assert month.origin_gb == pytest.approx(0.05 * month.delivered_gb)
    assert month.made_gb == pytest.approx(3.25e6 * 30)
    assert month.gpu_hours / 730 == pytest.approx(34_722 * 720 / 730, rel=0.001)
    assert month.cache_gb == pytest.approx(11_000)


def test_an_archive_ages_from_standard_to_ia_and_glacier() -> None:
    audience = environment("global").audience
    year = usage(audience.model_copy(update={"archive_days": 365}))
    month = usage(audience.model_copy(update={"archive_days": 30}))
    assert month.infrequent_gb == month.glacier_gb == 0
    assert year.glacier_gb == pytest.approx(5e6 * 335)
    assert year.standard_gb + year.infrequent_gb == pytest.approx(3.25e6 * 365)


def test_shares_of_regions_add_up_to_the_whole() -> None:
    month = usage(environment("global").audience)
    parts = [month.share(each) for each in (0.4, 0.3, 0.3)]
    assert sum(each.delivered_gb for each in parts) == pytest.approx(month.delivered_gb)
    assert sum(each.uploads for each in parts) == pytest.approx(month.uploads)
