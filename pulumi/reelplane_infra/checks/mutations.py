"""Changes a recorded plan for the worse, one input at a time, and asks the checks whether they notice.

The mutations are generated from the record: ``operators`` decides by the names and the forms of inputs which of them
matter to security and how each is made worse, so a resource type that is added tomorrow is mutated tomorrow. Every
mutant goes through the types, the policies, the retention and, together with the others that got so far, the schemas.
What none of them notices is a survivor, and each survivor has its reason in ``survivors.yaml``; a reason that no
survivor needs is stale.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import yaml

import reelplane_policies
from reelplane_infra.checks import operators
from reelplane_infra.checks.policy import PACK, settings, subject
from reelplane_infra.checks.schema import check_schema
from reelplane_infra.checks.types import faults
from reelplane_infra.config import load
from reelplane_infra.record import Mode, Record, RecordedPlan, Resource, plain, record_environment
from reelplane_policies.rule import Resource as Subject
from reelplane_policies.rule import Rule, Settings, StackRule

ENVIRONMENTS: Final = ("dev", "global")
"""Those that have between them every resource that there is."""
SURVIVORS: Final = PACK / "survivors.yaml"
_NUMBERED: Final = re.compile(r"(?<![a-z])(?:[a-z]{2}-[a-z]+-\d[a-z]?|\d+)(?![a-z0-9])")
"""A region, a zone or a number in a logical name."""
Told = frozenset[tuple[str, str, str]]
"""What checks say about a resource: URN, rule, path."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A record with one change."""

    record: Record
    original: Resource
    changed: Resource | None
    """None: the resource is left out."""
    operator: str
    path: str

    def __str__(self) -> str:
        where = f"{self.original.name}.{self.path}" if self.path else self.original.name
        return f"{self.operator} {self.original.type} {where} in {self.record.stack}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a mutation needs no check to notice it."""

    operator: str
    type: str
    """Pattern of type tokens."""
    path: str
    """Pattern of paths; ``[*]`` in it stands for every index."""
    reason: str

    def explains(self, mutant: Mutant) -> bool:
        return (
            self.operator in ("*", mutant.operator)
            and fnmatchcase(mutant.original.type, self.type)
            and fnmatchcase(operators.without_indices(mutant.path), self.path)
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run over a plan came to."""

    run: int
    killed: dict[str, int]
    """Check or rule that noticed first -> mutants."""
    survivors: tuple[Mutant, ...]


def unexplained(survivors: Iterable[Mutant], reasons: Sequence[Reason]) -> list[Mutant]:
    """Survivors without a reason."""
    return [each for each in survivors if not any(reason.explains(each) for reason in reasons)]


def stale(survivors: Sequence[Mutant], reasons: Iterable[Reason]) -> list[Reason]:
    """Reasons without a survivor; to be asked about the survivors of ``ENVIRONMENTS`` together."""
    return [reason for reason in reasons if not any(map(reason.explains, survivors))]


def load_reasons(path: Path = SURVIVORS) -> tuple[Reason, ...]:
    """Raises ValueError for one that explains nothing in words."""
    found = tuple(Reason(**each) for each in yaml.safe_load(path.read_text(encoding="utf-8")))
    for each in found:
        if len(each.reason.split()) < 4:
            raise ValueError(f"{path}: {each.operator} of {each.type} {each.path} needs a reason")
    return found


def mutants(plan: RecordedPlan) -> Iterator[Mutant]:
    """Every mutation of ``plan``, in the order of its resources."""
    regions = [each["name"] for each in plan.environment["regions"]]
    for record, resource in plan.resources():
        for operator, path, changed in operators.changes(resource, regions):
            yield Mutant(record, resource, changed, operator, path)


def one_of_each(found: Iterable[Mutant]) -> Iterator[Mutant]:
    """The first of those that differ only in the region, the zone or the number of the resource that they change."""
    seen: set[tuple[str, ...]] = set()
    for each in found:
        name = _NUMBERED.sub("", each.original.name)
        path = operators.without_indices(each.path)
        # A document has many statements below one path, each of which is made worse by itself.
        changed = plain(each.changed.inputs.get(each.path)) if each.changed else None
        text = _NUMBERED.sub("", changed) if isinstance(changed, str) else ""
        key = (str(each.record.stack.layer), each.original.type, name, each.operator, path, text)
        if key not in seen:
            seen.add(key)
            yield each


def run_mutations(plan: RecordedPlan, *, schema: bool = True, every: bool = True) -> Outcome:
    """Asks the checks about every mutation of ``plan``; without ``schema``, all checks but that one; without
    ``every``, about ``one_of_each``."""
    asked = list(mutants(plan) if every else one_of_each(mutants(plan)))
    decided = settings(plan)
    killed: Counter[str] = Counter()
    left: list[Mutant] = []
    stacks: dict[str, _Stack] = {}
    for each in asked:
        name = str(each.record.stack)
        if name not in stacks:
            stacks[name] = _Stack(each.record, decided)
        rule = stacks[name].notices(each)
        if rule is None:
            left.append(each)
        else:
            killed[rule] += 1
    refused = _refused(plan, left) if schema else {}
    killed.update(refused.values())
    survivors = tuple(each for number, each in enumerate(left) if number not in refused)
    return Outcome(len(asked), dict(killed.most_common()), survivors)


class _Stack:
    """The rules over one stack, with what they say before anything is changed."""

    def __init__(self, record: Record, decided: Settings) -> None:
        self._settings = decided
        self._subjects = [subject(each) for each in record.resources if not each.read]
        self._places = {each.urn: place for place, each in enumerate(self._subjects)}
        self._before = {
            rule.name: self._told(rule, self._subjects)
            for rule in reelplane_policies.RULES
            if isinstance(rule, StackRule)
        }

    def notices(self, mutant: Mutant) -> str | None:
        """The first check or rule that says more than before."""
        changed = mutant.changed
        if changed is not None:
            if changed.protect != changed.retain:
                return "retain"
            known = set(faults(mutant.original))
            if any(each not in known for each in faults(changed)):
                return "types"
        place = self._places[mutant.original.urn]
        before = self._subjects[place]
        after = None if changed is None else subject(changed)
        others = [*self._subjects[:place], *([after] if after else []), *self._subjects[place + 1 :]]
        for rule in reelplane_policies.RULES:
            if isinstance(rule, Rule):
                if after is not None and self._single(rule, after) - self._single(rule, before):
                    return rule.name
            elif self._told(rule, others) - self._before[rule.name]:
                return rule.name
        return None

    def _single(self, rule: Rule, one: Subject) -> Told:
        return frozenset((one.urn, each.path, each.message) for each in rule.violations(one, self._settings))

    def _told(self, rule: StackRule, subjects: Sequence[Subject]) -> Told:
        return frozenset((each.urn, each.path, each.message) for each in rule.check(subjects, self._settings))


def _refused(plan: RecordedPlan, left: Sequence[Mutant]) -> dict[int, str]:
    """Number of a mutant -> the schema's rule that refuses it.

    Starting cfn-lint costs more than reading a resource, so all mutants are read as the resources of one plan.
    """
    mark = "#mutant-"
    written = [
        (number, each.record, replace(each.changed, urn=f"{each.changed.urn}{mark}{number}"))
        for number, each in enumerate(left)
        if each.changed is not None
    ]
    records = tuple(
        _with(record, [each for _, of, each in written if of is record]) for record in plan.records
    )
    before = tuple(
        _with(record, {id(m.original): m.original for m in left if m.record is record}.values())
        for record in plan.records
    )
    known = {(each.urn, each.rule, each.path) for each in check_schema(replace(plan, records=before))}
    found: dict[int, str] = {}
    for finding in check_schema(replace(plan, records=records)):
        urn, _, number = finding.urn.partition(mark)
        if number and (urn, finding.rule, finding.path) not in known:
            found[int(number)] = finding.rule
    return found


def _with(record: Record, resources: Iterable[Resource]) -> Record:
    return replace(record, resources=tuple(resources))


def main() -> None:
    """Every mutation of the named environments (dev and global), what notices them, survivors with their reasons."""
    reasons = load_reasons()
    lines: list[str] = []
    survivors: list[Mutant] = []
    for name in sys.argv[1:] or ENVIRONMENTS:
        outcome = run_mutations(record_environment(load(name), Mode.UPDATE))
        noticed = sum(outcome.killed.values())
        lines.append(f"{name}: {outcome.run} mutants, {noticed} noticed, {len(outcome.survivors)} survive")
        lines += [f"  {count:6} {rule}" for rule, count in outcome.killed.items()]
        survivors += outcome.survivors
    for each in reasons:
        count = sum(map(each.explains, survivors))
        lines.append(f"  {count:6} survive: {each.operator} {each.type} {each.path}: {each.reason}")
    left = [f"unexplained: {mutant}" for mutant in unexplained(survivors, reasons)]
    left += [f"stale: {each.operator} {each.type} {each.path}" for each in stale(survivors, reasons)]
    sys.stdout.write("\n".join([*lines, *left]) + "\n")
    sys.exit(bool(left))


if __name__ == "__main__":
    main()
