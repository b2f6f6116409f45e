"""Compares a recorded plan with what was deployed before and with its own other mode.

A protected resource that is renamed or moved in the program is a new one to the engine, and the old one is to be
deleted, which its protection then refuses in the middle of an ``up``. The URNs of all protected resources are
therefore kept in a file per environment: one that is gone and that no resource names as an alias is a finding.
Registrations of a preview are compared with those of an update, because a resource made inside ``apply`` is in only
one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from reelplane_infra.checks.finding import Finding
from reelplane_infra.record import Record, RecordedPlan, Resource


def golden(plan: RecordedPlan) -> str:
    """The file: the URNs of all protected resources, one a line."""
    return "".join(f"{each}\n" for each in sorted(_protected(plan)))


def check_urns(plan: RecordedPlan, written: str) -> list[Finding]:
    """Protected resources of ``written`` that are lost, and those of ``plan`` that it does not have yet."""
    before = set(written.split())
    now = _protected(plan)
    kept = {
        former: urn
        for record in plan.records
        for urn, formers in _formers(record).items()
        for former in formers
    }
    present = {each.urn for record in plan.records for each in record.resources}
    findings = [
        Finding(
            _stack(urn),
            urn,
            "",
            "urn-lost",
            "is protected and no longer in the program under this URN; give the resource that takes its place "
            "opts=ResourceOptions(aliases=[...]), or take it out of the program on purpose and write the file again",
        )
        for urn in before - present - kept.keys()
    ]
    renamed = {kept[urn] for urn in before if urn in kept}
    findings += [
        Finding(_stack(urn), urn, "", "urn-new", "is protected and not in the file of URNs; write it again")
        for urn in now - before - renamed
    ]
    return sorted(findings)


def check_modes(preview: RecordedPlan, update: RecordedPlan) -> list[Finding]:
    """Resources that only one mode registers: they are made inside ``apply``."""
    findings = []
    for one, other, said in ((preview, update, "an update"), (update, preview, "a preview")):
        for record in one.records:
            known = set(other.record(record.stack).by_urn())
            findings += [
                Finding(
                    str(record.stack),
                    each.urn,
                    "",
                    "made-in-apply",
                    f"{said} does not register it ({each.source}): make it outside of apply",
                )
                for each in record.resources
                if each.urn not in known
            ]
    return sorted(findings)


def _protected(plan: RecordedPlan) -> set[str]:
    return {resource.urn for _, resource in plan.resources() if resource.protect}


def _stack(urn: str) -> str:
    return urn.split("::", maxsplit=1)[0].rpartition(":")[2]


def _formers(record: Record) -> dict[str, set[str]]:
    """URN -> the URNs that its aliases, and those of the components around it, stand for.

    As in the engine, https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/step_generator.go (2026-11): a
    child inherits the aliases of its parent, and where its name begins with the parent's, with the former name.
    """
    by_urn = record.by_urn()
    found: dict[str, set[str]] = {}
    for urn in by_urn:
        _collect(urn, by_urn, found)
    return found


def _collect(urn: str, by_urn: Mapping[str, Resource], found: dict[str, set[str]]) -> set[str]:
    if urn in found:
        return found[urn]
    resource = by_urn[urn]
    above = _collect(resource.parent, by_urn, found) if resource.parent in by_urn else set()
    own = list(_aliases(resource))
    formers = {each for make in own for each in [make()]}
    for parent in above:
        name = _inherited(resource, parent)
        formers.add(_urn(resource, parent=parent, name=name))
        formers.update(make(parent=parent, name=name) for make in own if isinstance(make, partial))
    found[urn] = formers - {urn}
    return found[urn]


def _inherited(resource: Resource, parent: str) -> str:
    now, before = resource.parent.rpartition("::")[2], parent.rpartition("::")[2]
    return before + resource.name[len(now) :] if now and resource.name.startswith(now) else resource.name


def _aliases(resource: Resource) -> Iterator[partial[str]]:
    """By alias what makes its URN; what an alias leaves out is the resource's own."""
    for alias in resource.aliases:
        if alias.startswith("urn:"):
            yield partial(_written, alias)
            continue
        given = dict(each.split("=", 1) for each in alias.split(",") if "=" in each)
        if alias == "no parent":
            given["parent"] = ""
        yield partial(_merged, resource, given)


def _written(alias: str, **_: str) -> str:
    return alias


def _merged(resource: Resource, given: Mapping[str, str], **inherited: str) -> str:
    """What the alias says goes before what is inherited."""
    return _urn(resource, **{**inherited, **given})


def _urn(
    resource: Resource,
    *,
    name: str | None = None,
    type: str | None = None,
    stack: str | None = None,
    parent: str | None = None,
) -> str:
    """The URN with these parts in place of the resource's own."""
    head, project, _, own_name = resource.urn.split("::", 3)
    above = resource.parent if parent is None else parent
    around = above.split("::")[2] if above else ""
    kind = type or resource.type
    path = kind if around in ("", "pulumi:pulumi:Stack") else f"{around}${kind}"
    start = f"urn:pulumi:{stack}" if stack else head
    return f"{start}::{project}::{path}::{name or own_name}"
