"""The alert rules do what they say: promtool checks them, and runs their unit tests against made-up series."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.runbooks.harness import FOLDER
from tests.testbed import toolchain

ALERTS = FOLDER / "alerts"
FILES = sorted(path for path in ALERTS.glob("*.yaml") if path.name != "kustomization.yaml")


@pytest.fixture(scope="module")
def promtool() -> Path:
    try:
        return toolchain.program("promtool")
    except toolchain.Unavailable as missing:
        pytest.skip(f"no promtool: {missing}")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules as Prometheus reads them: the spec of each PrometheusRule."""
    folder = tmp_path_factory.mktemp("rules")
    for path in FILES:
        (folder / path.name).write_text(yaml.safe_dump(yaml.safe_load(path.read_text())["spec"]))
    return folder


@pytest.mark.timeout(900)  # the first use builds it
@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_rules_are_valid_and_fire_when_they_should_and_only_then(promtool, rules, name):
    assert (ALERTS / "tests" / name).exists(), "every file of rules has its tests"
    checked = subprocess.run(
        [promtool, "check", "rules", rules / name], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    test = rules / f"test-{name}"
    test.write_text((ALERTS / "tests" / name).read_text())
    tested = subprocess.run([promtool, "test", "rules", test], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not():
    for path in FILES:
        cases = yaml.safe_load((ALERTS / "tests" / path.name).read_text())["tests"]
        told = [each for case in cases for each in case["alert_rule_test"]]
        for group in yaml.safe_load(path.read_text())["spec"]["groups"]:
            for rule in group["rules"]:
                mine = [each for each in told if each["alertname"] == rule["alert"]]
                assert any(each.get("exp_alerts") for each in mine), f"{rule['alert']} never fires in a test"
                assert any(not each.get("exp_alerts") for each in mine), (
                    f"{rule['alert']} always fires in its tests"
                )


@pytest.mark.timeout(900)
def test_expressions_of_the_dashboards_are_valid(promtool, tmp_path):
    for path in sorted((FOLDER / "dashboards").glob("*.json")):
        panels = json.loads(path.read_text())["panels"]
        expressions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
        records = [
            {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
            for number, text in enumerate(expressions)
        ]
        assert records
        file = tmp_path / path.with_suffix(".yaml").name
        file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
        done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
