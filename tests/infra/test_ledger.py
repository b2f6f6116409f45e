"""The coverage ledger: how each resource type is proven, held against the ledger of the last time.

After a change that is meant: ``.venv/bin/pytest tests/infra/test_ledger.py --write-ledger``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelplane_infra.checks.accept import Acceptance, Attempt, Outcome
from reelplane_infra.checks.kubernetes import check_kubernetes
from reelplane_infra.checks.ledger import Ledger, Proof, ledger
from reelplane_infra.checks.schema import check_schema
from reelplane_infra.record import Mode, Record, RecordedPlan, Resource
from reelplane_infra.stack import StackName

GOLDEN = Path(__file__).with_name("ledger.json")
REFRESH = "after a change that is meant: .venv/bin/pytest tests/infra/test_ledger.py --write-ledger"


@pytest.fixture(scope="module")
def reached(proven: RecordedPlan, accepted: Acceptance) -> Ledger:
    return ledger(proven, accepted, check_schema(proven), check_kubernetes(proven))


@pytest.mark.service
def test_no_type_is_proven_less_than_before(reached: Ledger, request: pytest.FixtureRequest) -> None:
    print(reached.totals())
    if request.config.getoption("--write-ledger", default=False):
        GOLDEN.write_text(json.dumps(reached.to_json(), indent=2) + "\n")
    before = {type: row["proof"] for type, row in json.loads(GOLDEN.read_text())["types"].items()}
    assert reached.dropped(before) == [], REFRESH


@pytest.mark.service
def test_the_ledger_holds_no_type_that_is_gone(reached: Ledger) -> None:
    assert set(json.loads(GOLDEN.read_text())["types"]) - {each.type for each in reached.rows} == set(), (
        REFRESH
    )


@pytest.mark.service
def test_the_targets_are_reached(reached: Ledger) -> None:
    assert reached.share(Proof.EMULATOR) >= 0.60, reached.totals()
    assert reached.share(Proof.EMULATOR, Proof.SCHEMA) >= 0.90, reached.totals()


def test_one_resource_that_is_not_created_takes_its_type_from_the_emulators() -> None:
    stack = StackName.parse("dev.region.us-west-2")
    vpcs = [
        Resource(urn=f"urn:{name}", type="aws:ec2/vpc:Vpc", name=name, inputs={"region": "us-west-2"})
        for name in ("one", "two")
    ]
    plan = RecordedPlan({}, Mode.UPDATE, (Record(stack, Mode.UPDATE, tuple(vpcs)),))
    tried = [Attempt("moto", str(stack), each.urn, each.type, Outcome.CREATED) for each in vpcs]
    assert [each.proof for each in ledger(plan, Acceptance(tuple(tried)), []).rows] == [Proof.EMULATOR]
    weaker = ledger(plan, Acceptance(tuple(tried[:1])), [])
    assert [each.proof for each in weaker.rows] == [Proof.SCHEMA]
    assert weaker.dropped({"aws:ec2/vpc:Vpc": "emulator"}) == ["aws:ec2/vpc:Vpc: emulator before, schema now"]
    assert weaker.dropped({}) == ["aws:ec2/vpc:Vpc: schema, not in the ledger yet"]
