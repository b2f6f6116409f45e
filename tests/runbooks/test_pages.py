"""Pages and alerts fit together: each alert has its page, each page says what is promised and can be run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reelplane_operator import metrics as operator_metrics
from reelplane_operator.reconcile import census
from reelplane_operator.reconcile.world import World
from reelplane_workloads.core import metrics as workload_metrics
from reelplane_workloads.core.errors import Code
from tests.runbooks import harness
from tests.runbooks.faults import FAULTS

ROOT = harness.FOLDER.parent
ALERTS = harness.FOLDER / "alerts"
RULES = sorted(path for path in ALERTS.glob("*.yaml") if path.name != "kustomization.yaml")


def alerts() -> list[dict[str, Any]]:
    return [
        {**rule, "file": path.name}
        for path in RULES
        for group in yaml.safe_load(path.read_text())["spec"]["groups"]
        for rule in group["rules"]
    ]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_each_alert_names_a_page_that_names_the_alert(alert):
    page = ROOT / alert["annotations"]["runbook"]
    assert page.parent == harness.FOLDER
    assert alert["alert"] in harness.read(page.stem).alerts
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert {"summary", "description", "runbook"} == set(alert["annotations"])


def test_no_page_names_an_alert_that_does_not_exist_and_the_index_lists_all():
    index = (harness.FOLDER / "README.md").read_text()
    known = {alert["alert"] for alert in alerts()}
    for name in harness.names():
        page = harness.read(name)
        assert set(page.alerts) <= known
        row = next(line for line in index.splitlines() if f"]({name}.md)" in line)
        assert all(alert in row for alert in page.alerts)
    assert {alert for name in harness.names() for alert in harness.read(name).alerts} == known


def test_each_alert_says_why_it_waits_as_long_as_it_does():
    for path in RULES:
        for text in re.split(r"(?=- alert: )", path.read_text())[1:]:
            assert re.search(r"^\s+# \w", text, re.MULTILINE), (
                f"{path.name}: {text.splitlines()[0]} has no reason"
            )


def test_each_page_has_its_fault():
    assert set(FAULTS) == set(harness.names())


@pytest.mark.parametrize("name", harness.names())
def test_a_page_has_its_sections_in_order_and_something_to_run_in_diagnosis_and_mitigation(name):
    page = harness.read(name)
    assert tuple(page.sections) == harness.SECTIONS
    assert all(page.sections.values())
    assert page.title
    assert page.of("Diagnosis")
    assert page.of("Mitigation")
    assert any(block.shows for block in page.of("Diagnosis")), "nothing tells whether the fault is there"
    assert page.of("Mitigation")[-1].shows, "nothing tells whether it is over"


@pytest.mark.parametrize(
    "block", [block for name in harness.names() for block in harness.read(name).blocks], ids=str
)
def test_a_block_parses_reads_only_the_variables_of_a_page_and_looks_for_a_pattern(block):
    parsed = subprocess.run(["bash", "-n", "-c", block.code], capture_output=True, text=True, check=False)
    assert parsed.returncode == 0, parsed.stderr
    assert block.variables <= harness.VARIABLES
    if block.shows:
        re.compile(block.shows)


def exported() -> set[str]:
    """Every series that workloads and operator can have, with the suffixes of their types."""
    found = set()
    registries = (workload_metrics.REGISTRY, operator_metrics.REGISTRY)
    families = [family for registry in registries for family in registry.collect()]
    for family in [*families, *census.Census(World()).collect()]:
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(
            family.type, ("",)
        )
        found |= {family.name + suffix for suffix in suffixes}
    return found


def test_alerts_and_dashboards_ask_only_for_metrics_that_are_exported():
    texts = {
        path.name: path.read_text()
        for path in (*RULES, *sorted((harness.FOLDER / "dashboards").glob("*.json")))
    }
    assert any(name.endswith(".json") for name in texts)
    for name, text in texts.items():
        asked = set(re.findall(r"\breelplane_\w+(?=[{\[) ]|$)", text))
        assert asked <= exported(), name


def test_alerts_ask_only_for_error_codes_that_exist():
    for alert in alerts():
        for codes in re.findall(r'code=~"([^"]+)"', alert["expr"]):
            assert set(codes.split("|")) <= {code.value for code in Code}


def test_the_harness_reads_blocks_and_what_they_show(tmp_path: Path):
    block = harness.Block("page", "Diagnosis", 1, 'name=$PLATFORM\necho "$name $(( 1 + 1 ))"\n', "reels 2")
    runner = harness.Runner(tmp_path / "none", {"PLATFORM": "reels"}, (), tmp_path)
    assert block.variables == {"PLATFORM"}
    assert (done := runner.run(block)).code == 0
    assert done.missing is None
    wrong = harness.Block("page", "Diagnosis", 1, "false | true\necho reached\n", "reached")
    assert (done := runner.run(wrong)).code != 0
    assert done.missing == "reached"
