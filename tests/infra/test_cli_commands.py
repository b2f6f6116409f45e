"""The words of ``reelplane-infra``: what each prints, which exit code it ends with, and what an error tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reelplane_infra.checks import security
from reelplane_infra.cli import __main__ as cli
from reelplane_infra.cli import checking
from reelplane_infra.cli.deploying import steps
from reelplane_infra.cli.failure import FAILED, OK, WRONG_INPUT, Failure
from reelplane_infra.config import load
from reelplane_infra.deploy.schedule import order
from reelplane_infra.price.cost import Cost, Line, Range
from reelplane_infra.stack import Layer

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command in an empty folder and gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def ran(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["reelplane-infra", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return ran


def test_help_names_every_command_and_the_exit_codes(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == OK
    for word in (
        "preview",
        "plan",
        "graph",
        "urns",
        "ledger",
        "up",
        "destroy",
        "compare",
        "figures",
        "prices",
        "Exit codes",
    ):
        assert word in out


def test_an_environment_that_does_not_exist_is_wrong_input_with_those_that_do(run: Run) -> None:
    code, _, err = run("graph", "moon")
    assert code == WRONG_INPUT
    assert err == (
        "reelplane-infra: moon: no environment of that name ships (dev, global, startup); a file ends in .yaml\n"
    )


def test_urns_are_the_golden_list_that_the_comparison_reads(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "urns.txt"
    code, out, _ = run("urns", "dev", "--write", str(file))
    kept = Path(__file__).parent / "golden" / "urns-dev.txt"
    assert (code, file.read_text(encoding="utf-8")) == (OK, kept.read_text(encoding="utf-8"))
    assert out.startswith("wrote ")


def test_the_graph_has_every_stack_with_what_it_reads(run: Run) -> None:
    code, out, _ = run("graph", "global")
    lines = out.splitlines()
    assert code == OK
    assert len(lines) == 14
    assert lines[0].split() == ["1", "global.foundation", "reads", "nothing"]
    assert lines[1].endswith("reads foundation")
    assert "reads foundation, region (its own), data, edge" in next(
        line for line in lines if "platform.us-east-1" in line
    )


def test_figures_prints_stated_beside_recomputed(run: Run) -> None:
    code, out, _ = run("figures")
    assert code == OK
    line = next(line for line in out.splitlines() if "CDN (CloudFront)" in line)
    assert "$520K" in line
    assert "$456M" in line
    assert any(each["holds"] is False for each in json.loads(run("figures", "--json")[1]))


def test_prices_list_shows_source_and_confidence(run: Run) -> None:
    code, out, _ = run("prices", "list", "--service", "eks", "--region", "*")
    assert code == OK
    assert "eks.hour" in out
    assert "unverified" in out
    assert "https://aws.amazon.com/eks/pricing/" in out


def test_prices_update_without_a_network_fails_with_the_reason(run: Run) -> None:
    code, _, err = run("prices", "update", "--dry-run", "--base", "http://127.0.0.1:9")
    assert code == FAILED
    assert "needs a network, the prices are unchanged" in err


def test_up_without_pulumi_fails_before_anything_with_where_to_get_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = run("up", "dev", "--yes")
    assert (code, out) == (FAILED, "")
    assert "https://www.pulumi.com/docs/install/" in err
    assert list(tmp_path.iterdir()) == []


def test_destroy_refuses_while_data_is_protected_and_says_the_way(run: Run) -> None:
    code, out, err = run("destroy", "dev", "--yes")
    assert code == FAILED
    assert out.splitlines()[0].split() == ["1", "dev.fleet"]
    assert "teardown: true" in err


def test_destroy_dry_run_is_the_order_alone(run: Run) -> None:
    code, out, err = run("destroy", "global", "--dry-run")
    assert (code, err) == (OK, "")
    assert out.splitlines()[-1].split() == ["6", "global.foundation"]


def test_compare_by_a_column_that_does_not_exist_names_those_that_do(run: Run) -> None:
    code, _, err = run("compare", "dev", "startup", "--by", "colour")
    assert code == WRONG_INPUT
    assert "service, item, layer, region, type" in err


@pytest.mark.parametrize("text", ["spelling", "types,spelling", ","])
def test_a_check_that_does_not_exist_is_wrong_input(text: str) -> None:
    with pytest.raises(Failure, match="is no check") as failure:
        checking.chosen(text)
    assert failure.value.code == WRONG_INPUT
    assert "types" in failure.value.fix


def test_checks_are_chosen_by_name_once_and_run_the_quick_ones_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "find_checkov", lambda: Path("checkov"))
    assert checking.chosen("all") == tuple(checking.CHECKS)
    assert checking.chosen("none") == ()
    assert checking.chosen("schema, types,schema") == ("types", "schema")


def test_a_check_that_cannot_run_here_is_told_before_the_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "find_checkov", lambda: None)
    with pytest.raises(Failure, match="needs checkov") as failure:
        checking.chosen("all")
    assert "make infra" in failure.value.fix
    assert checking.chosen("types,policy") == ("types", "policy")


def test_the_order_has_the_cost_before_each_step() -> None:
    dev = load("dev")
    lines = tuple(
        Line(f"dev.{stack}", "", "", "", "", "", "", "", "", 1, Range(usd, usd, 2 * usd), "", "")
        for stack, usd in (("foundation", 100.0), ("region.us-west-2", 400.0))
    )
    told = steps(order(dev), Cost("dev", lines, {}, {})).splitlines()
    assert told[1].split() == ["1", "dev.foundation", "$100", "$100", "$200", "$100"]
    assert told[2].split() == ["2", "dev.region.us-west-2", "$400", "$400", "$800", "$500"]
    assert told[-1].split()[-1] == "$500"
    assert len(steps(order(dev, [Layer.EDGE]), Cost("dev", lines, {}, {})).splitlines()) == 2


@pytest.mark.timeout(600)
def test_preview_prints_the_summary_and_writes_the_page(run: Run, tmp_path: Path) -> None:
    code, out, err = run("preview", "dev", "--checks", "none", "--html", "dev.html")
    assert (code, err) == (OK, "")
    assert "a month" in out
    assert "Never executed" in out
    assert (tmp_path / "dev.html").read_text().startswith("<!doctype html>")
