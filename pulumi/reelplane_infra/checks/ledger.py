"""The coverage ledger: for every resource type of a plan, the strongest proof that was reached without an account.

    emulator    every resource of the type was created in an emulator, with its references
    schema      every resource fits CloudFormation's schema of the type, in its region
    types       the inputs have the types that the SDK declares
    none        the SDK does not know the type

Kubernetes objects are no AWS resources and are counted apart: ``kubernetes`` where a schema of the API server's kind
was held against each (``checks/kubernetes.py``), ``types`` otherwise.

``python -m reelplane_infra.checks.ledger ENV`` prints the JSON that tests/infra/ledger.json keeps.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from reelplane_infra.checks.accept import Acceptance, accept
from reelplane_infra.checks.finding import Finding
from reelplane_infra.checks.kubernetes import KUBERNETES, check_kubernetes, knows
from reelplane_infra.checks.schema import PROVEN, check_schema
from reelplane_infra.config import load
from reelplane_infra.record import Mode, RecordedPlan, record_environment, sdk


class Proof(StrEnum):
    EMULATOR = "emulator"
    SCHEMA = "schema"
    KUBERNETES = "kubernetes"
    TYPES = "types"
    NONE = "none"


STRENGTH: Final = (Proof.NONE, Proof.TYPES, Proof.KUBERNETES, Proof.SCHEMA, Proof.EMULATOR)
"""From the weakest to the strongest."""


@dataclass(frozen=True, slots=True)
class Row:
    """One resource type."""

    type: str
    count: int
    proof: Proof
    by: tuple[str, ...]
    """The emulators that made all of them, or the schemas that were read."""


@dataclass(frozen=True, slots=True)
class Ledger:
    rows: tuple[Row, ...]

    def aws(self) -> tuple[Row, ...]:
        return tuple(each for each in self.rows if not each.type.startswith(KUBERNETES))

    def kubernetes(self) -> tuple[Row, ...]:
        return tuple(each for each in self.rows if each.type.startswith(KUBERNETES))

    def share(self, *proofs: Proof) -> float:
        """Of AWS resource types, the part with one of ``proofs``; 0 to 1."""
        rows = self.aws()
        return sum(each.proof in proofs for each in rows) / len(rows) if rows else 0.0

    def totals(self) -> str:
        """The counts in a line."""
        counts = Counter(each.proof for each in self.aws())
        apart = Counter(each.proof for each in self.kubernetes())
        parts = [f"{counts[proof]} {proof}" for proof in reversed(STRENGTH) if counts[proof]]
        kinds = [f"{apart[proof]} {proof}" for proof in reversed(STRENGTH) if apart[proof]]
        return (
            f"{len(self.aws())} AWS resource types: {', '.join(parts)}; "
            f"{self.share(Proof.EMULATOR):.0%} created in an emulator, "
            f"{self.share(Proof.EMULATOR, Proof.SCHEMA):.0%} by emulator or schema. "
            f"{len(self.kubernetes())} Kubernetes kinds: {', '.join(kinds) or 'none'}."
        )

    def dropped(self, before: Mapping[str, str]) -> list[str]:
        """Types whose proof is weaker than ``before`` (type -> proof), and types that ``before`` does not have."""
        found = []
        for row in self.rows:
            old = before.get(row.type)
            if old is None:
                found.append(f"{row.type}: {row.proof}, not in the ledger yet")
            elif STRENGTH.index(row.proof) < STRENGTH.index(Proof(old)):
                found.append(f"{row.type}: {old} before, {row.proof} now")
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "totals": self.totals(),
            "types": {each.type: {"proof": each.proof.value, "by": list(each.by)} for each in self.rows},
        }


def ledger(
    plan: RecordedPlan,
    acceptance: Acceptance,
    schema: Iterable[Finding],
    kubernetes: Iterable[Finding] = (),
) -> Ledger:
    """The ledger of ``plan`` from what ``accept``, ``check_schema`` and ``check_kubernetes`` found in it."""
    created = acceptance.created()
    faulty = {each.urn for each in (*schema, *kubernetes)}
    urns: dict[str, list[str]] = defaultdict(list)
    objects: dict[str, bool] = {}
    for _, resource in plan.resources():
        if resource.type.startswith("pulumi:"):
            continue  # a provider's configuration: nothing is made
        urns[resource.type].append(resource.urn)
        if resource.type.startswith(KUBERNETES):
            objects[resource.type] = objects.get(resource.type, True) and knows(resource)
    rows = []
    for token, each in sorted(urns.items()):
        everywhere = set.intersection(*(created.get(urn, set()) for urn in each))
        clean = not faulty.intersection(each)
        if all(created.get(urn) for urn in each):
            by = everywhere or set().union(*(created[urn] for urn in each))
            rows.append(Row(token, len(each), Proof.EMULATOR, tuple(sorted(by))))
        elif clean and token in PROVEN:
            rows.append(Row(token, len(each), Proof.SCHEMA, ("cfn-lint",)))
        elif clean and objects.get(token):
            rows.append(Row(token, len(each), Proof.KUBERNETES, ("openapi",)))
        else:
            rows.append(Row(token, len(each), _weakest(token), ()))
    return Ledger(tuple(rows))


def _weakest(token: str) -> Proof:
    try:
        sdk.outputs(token)
    except sdk.UnknownType:
        return Proof.NONE
    return Proof.TYPES


def prove(plan: RecordedPlan, say: Callable[[str], None] = lambda _: None) -> Ledger:
    """The ledger of ``plan`` with all checks run for it."""
    return ledger(plan, accept(plan, say), check_schema(plan), check_kubernetes(plan))


if __name__ == "__main__":
    recorded = record_environment(load(sys.argv[1]), Mode.UPDATE)
    made = prove(recorded)
    sys.stdout.write(json.dumps(made.to_json(), indent=2) + "\n")
