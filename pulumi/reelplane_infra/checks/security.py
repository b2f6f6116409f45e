"""Checks a recorded plan with checkov, whose rules are others' and know things ours do not.

The plan is written as Terraform's plan (``terraform``), checkov reads it in its own environment and offline, and what
it finds is told about the Pulumi resource again. A finding is fixed, or waived by name with a reason in
``waivers.yaml``; a waiver that nothing needs any more is a finding itself.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import yaml

from reelplane_infra.checks.finding import Finding
from reelplane_infra.checks.policy import PACK
from reelplane_infra.checks.terraform import Synthesis, synthesise
from reelplane_infra.record import RecordedPlan

WAIVERS: Final = PACK / "waivers.yaml"
PATIENCE: Final = 900.0
"""Seconds after which checkov is given up."""
OFFLINE: Final = {"LOG_LEVEL": "ERROR", "CHECKOV_RENDER_MAX_LEN": "0", "NO_PROXY": "*"}


class ScanError(Exception):
    """checkov did not get to its end: what it said."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why a check does not hold for some resources."""

    check: str
    resource: str
    """Pattern of logical names: ``*-cluster-logs``."""
    reason: str
    only: str | None = None
    """The one environment in which it holds; None: in all."""

    def covers(self, check: str, name: str) -> bool:
        return check == self.check and fnmatchcase(name, self.resource)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan came to."""

    passed: int
    findings: tuple[Finding, ...]
    """Neither fixed nor waived, and the waivers that cover nothing."""
    waived: tuple[Finding, ...]


def find_checkov() -> Path | None:
    """checkov of the environment beside this one's interpreter (``make`` installs it there); None without."""
    path = Path(sys.prefix, "checkov", "bin", "checkov")
    return path if path.exists() else None


def load_waivers(path: Path = WAIVERS) -> tuple[Waiver, ...]:
    """Raises ValueError for one without a reason."""
    found = tuple(Waiver(**each) for each in yaml.safe_load(path.read_text(encoding="utf-8")))
    for each in found:
        if len(each.reason.split()) < 4:
            raise ValueError(f"{path}: the waiver of {each.check} for {each.resource} needs a reason")
    return found


def check_security(
    plan: RecordedPlan,
    *,
    checkov: Path,
    waivers: Sequence[Waiver] | None = None,
    unused: bool = True,
) -> Scan:
    """Scans ``plan``. ``unused`` is false for a plan that is only a part of what the waivers are written for.

    Raises ScanError.
    """
    written = synthesise(plan)
    passed, failed = _run(written, checkov)
    name = plan.environment["name"]
    known = load_waivers() if waivers is None else waivers
    return judge(passed, failed, [each for each in known if each.only in (None, name)], unused=unused)


def judge(passed: int, failed: Iterable[Finding], waivers: Sequence[Waiver], *, unused: bool) -> Scan:
    """Splits findings by the waivers, and adds the waivers that cover none."""
    kept: list[Finding] = []
    waived: list[Finding] = []
    used: set[Waiver] = set()
    for finding in sorted(failed):
        name = finding.urn.rpartition("::")[2]
        covering = [each for each in waivers if each.covers(finding.rule, name)]
        used.update(covering)
        (waived if covering else kept).append(finding)
    for waiver in waivers:
        if (unused or waiver.only) and waiver not in used:
            message = f"the waiver for {waiver.resource} covers nothing: remove it"
            kept.append(Finding("", "", "", waiver.check, message))
    return Scan(passed, tuple(kept), tuple(waived))


def _run(written: Synthesis, checkov: Path) -> tuple[int, list[Finding]]:
    with tempfile.TemporaryDirectory(prefix="reelplane-scan-") as folder:
        path = Path(folder, "plan.json")
        path.write_text(json.dumps(written.plan), encoding="utf-8")
        try:
            done = subprocess.run(  # noqa: S603 - the scanner that was asked for
                [
                    str(checkov.absolute()), "--file", str(path), "--framework", "terraform_plan", "--output", "json",
                    "--skip-download", "--skip-results-upload", "--compact", "--quiet", "--soft-fail",
                ],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
                env={**os.environ, **OFFLINE, "HOME": folder},
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ScanError(f"{checkov}: no end after {PATIENCE:.0f} s") from error
    try:
        report: dict[str, Any] = json.loads(done.stdout)
        failed = report["results"]["failed_checks"]
        passed = int(report["summary"]["passed"])
    except (ValueError, KeyError, TypeError) as error:
        said = (done.stderr or done.stdout)[-2000:]
        raise ScanError(f"{checkov} ended with {done.returncode} and no report: {said}") from error
    return passed, [_finding(each, written) for each in failed]


def _finding(check: dict[str, Any], written: Synthesis) -> Finding:
    address = re.sub(r"\[\d+\]$", "", str(check["resource"]))
    stack, resource = written.addresses[address]
    keys = (check.get("check_result") or {}).get("evaluated_keys") or [""]
    path = str(keys[0]).replace("/[0]", "").replace("/", ".")
    return Finding(stack, resource.urn, path, str(check["check_id"]), str(check["check_name"]))
