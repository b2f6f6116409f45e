"""Reports: one document, three layouts that say the same, and a page that needs nothing but itself."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from reelplane_infra.checks.finding import Finding, Level
from reelplane_infra.config import Environment
from reelplane_infra.price.book import load
from reelplane_infra.price.cost import cost
from reelplane_infra.record import Mode, Record, RecordedPlan, Resource
from reelplane_infra.report.diagram import PLACES, describe
from reelplane_infra.report.page import page
from reelplane_infra.report.summary import RANKS, Checked, summary
from reelplane_infra.report.terminal import show
from reelplane_infra.report.words import count, dollars, gigabytes, percent
from reelplane_infra.stack import waves
from reelplane_infra.topology import REGIONS

FINDING = Finding("global.edge", "urn::a<b", "tags", "tagged", "no <owner>; tags it right", Level.MANDATORY)


@pytest.fixture
def document(environment: Callable[..., Environment]) -> Callable[..., dict[str, Any]]:
    """The summary of ``global`` with three resources in every stack."""

    def made(checked: Checked = Checked()) -> dict[str, Any]:  # noqa: B008 - it is frozen
        chosen = environment("global")
        names = [each.name for each in chosen.regions]
        records = tuple(
            Record(
                stack,
                Mode.UPDATE,
                (
                    Resource(f"urn:{stack}::key", "aws:kms/key:Key", "key", protect=True),
                    Resource(f"urn:{stack}::ip", "aws:ec2/eip:Eip", "ip"),
                    Resource(f"urn:{stack}::x", "aws:quantum/computer:Computer", "x"),
                ),
            )
            for wave in waves(chosen.name, names)
            for stack in wave
        )
        plan = RecordedPlan(chosen.model_dump(mode="json"), Mode.UPDATE, records)
        return summary(plan, cost(plan, load()), checked)

    return made


def printed(document: dict[str, Any]) -> str:
    text = io.StringIO()
    show(document, Console(file=text, width=140))
    return text.getvalue()


def test_the_document_is_plain_json(document: Callable[..., dict[str, Any]]) -> None:
    made = document(Checked(("types",), (FINDING,), {"aws:kms/key:Key": "emulator"}))
    assert json.loads(json.dumps(made)) == made


def test_stacks_and_the_total_agree(document: Callable[..., dict[str, Any]]) -> None:
    made = document()
    assert sum(each["expected"] for each in made["stacks"]) == pytest.approx(
        made["total"]["expected"], abs=0.2
    )
    assert sum(each["expected"] for each in made["services"]) == pytest.approx(
        made["total"]["expected"], abs=0.2
    )


def test_proofs_count_every_resource_once_by_the_strongest_of_its_type(
    document: Callable[..., dict[str, Any]],
) -> None:
    made = document(Checked(("ledger",), (), {"aws:kms/key:Key": "emulator", "aws:ec2/eip:Eip": "schema"}))
    assert made["ledger"] == {"emulator": 1, "schema": 1, "kubernetes": 0, "types": 0, "none": 1}
    for each in made["stacks"]:
        assert sum(each["proofs"].values()) == each["resources"]


def test_what_was_not_proven_in_a_run_is_not_shown_as_unproven(
    document: Callable[..., dict[str, Any]],
) -> None:
    made = document()
    assert made["ledger"] is None
    assert "No check ran" in printed(made)
    assert "no proof was asked for" in page(made)


def test_terminal_and_page_say_the_total_the_findings_and_what_never_ran(
    document: Callable[..., dict[str, Any]],
) -> None:
    made = document(Checked(("types",), (FINDING,)))
    total = dollars(made["total"]["expected"])
    for text in (printed(made), page(made)):
        plain = re.sub(r"\s+", " ", text)
        assert total in plain
        assert "aws:quantum/computer:Computer" in plain
        assert "against Pulumi" in plain
        assert "mandatory" in plain
        assert "14 aws:quantum" in plain


def test_what_comes_from_the_plan_is_escaped(document: Callable[..., dict[str, Any]]) -> None:
    html = page(document(Checked(("types",), (FINDING,))))
    assert "no &lt;owner&gt;" in html
    assert "<owner>" not in html


class Tags(HTMLParser):
    """Collects tags, and whether every one that needs an end has it."""

    VOID = frozenset({"meta", "path", "rect", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_loads_nothing_and_runs_nothing(document: Callable[..., dict[str, Any]]) -> None:
    tags = Tags()
    html = page(document())
    tags.feed(html)
    assert tags.open == []
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe"}
    assert not any(key in ("src", "href") for _, attributes in tags.seen for key in attributes)
    assert "url(http" not in html


def test_the_page_can_be_read_without_seeing_it(document: Callable[..., dict[str, Any]]) -> None:
    made = document()
    tags = Tags()
    tags.feed(page(made))
    drawing = next(attributes for tag, attributes in tags.seen if tag == "svg")
    assert drawing["role"] == "img"
    assert drawing["aria-labelledby"] == "map-title map-text"
    assert sum(tag == "caption" for tag, _ in tags.seen) == sum(tag == "table" for tag, _ in tags.seen)
    told = describe(made)
    for region in made["regions"]:
        assert region["name"] in told


def test_every_region_has_a_place_on_the_drawing() -> None:
    assert set(PLACES) == REGIONS


def test_the_ranks_have_a_colour_each(document: Callable[..., dict[str, Any]]) -> None:
    html = page(document())
    assert all(f"svg .{rank} {{ fill:" in html for rank in RANKS)


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (32_775_500, "$32.8M"), (488e6, "$488M"), (1_234, "$1,234"), (12_345, "$12.3K"), (999_999, "$1M"),
        (0.0665, "$0.067"), (5, "$5.00"), (0.4, "$0.40"), (0, "$0"), (-2e6, "-$2M"), (1.2e9, "$1.2B"),
    ],
)  # fmt: skip
def test_dollars_keep_the_digits_that_matter(usd: float, text: str) -> None:
    assert dollars(usd) == text


def test_sizes_counts_and_shares_read_as_people_write_them() -> None:
    assert (gigabytes(1_687_500_000), gigabytes(3_375), gigabytes(12)) == ("1,688 PB", "3.38 TB", "12 GB")
    assert (count(500e6), count(100_000), count(1_000)) == ("500M", "100K", "1,000")
    assert (percent(0.004), percent(0.999), percent(0.5), percent(0), percent(1)) == (
        "<1 %",
        "99 %",
        "50 %",
        "0 %",
        "100 %",
    )
