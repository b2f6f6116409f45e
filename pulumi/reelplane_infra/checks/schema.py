"""Checks a recorded plan against the resource schemas of CloudFormation, which name enums, lengths and patterns.

Each resource is written as a CloudFormation resource by the tables in ``cfn/``, the ones of a region are put in
templates, and cfn-lint reads these with its own copies of AWS's schemas for that region: it refuses wrong values and
types which do not exist there. A finding is told in terms of the Pulumi inputs, not of the template.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode_str
from cfnlint.rules import Match
from cfnlint.runner import Runner, run_template_by_data
from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from reelplane_infra.checks.cfn import COUNTERPARTS
from reelplane_infra.checks.cfn.target import SchemaTarget
from reelplane_infra.checks.finding import Finding
from reelplane_infra.checks.shaping import Shaped, shape
from reelplane_infra.record import Mode, Record, RecordedPlan, Resource, plain

GLOBAL_REGION: Final = "us-east-1"
"""Where CloudFormation keeps the types of services without regions."""
TEMPLATE_RESOURCES: Final = 400
"""A template holds 500 at most,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html (2026-11)."""
ABOUT_TEMPLATES: Final = frozenset({"E3019", "E1001", "E3010"})
"""Rules on templates as such: identifiers that are unique (a bucket and its versioning are one resource there),
sections, number of resources."""
TEMPLATE: Final = "aws:cloudformation/stack:Stack"
"""Holds a template of its own, which is read as it is."""
PROVEN: Final = frozenset({*COUNTERPARTS, TEMPLATE})
"""Resource types that this check knows."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A resource as CloudFormation would have it."""

    stack: str
    resource: Resource
    type: str
    shaped: Shaped


def check_schema(plan: RecordedPlan) -> list[Finding]:
    """Everything in ``plan`` that CloudFormation's schemas refuse, and every input without a place in them.

    A resource type without a counterpart is not a finding: the ledger says how it is proven. Raises ValueError for a
    plan that was recorded in the mode preview, whose values are unknown.
    """
    if plan.mode is not Mode.UPDATE:
        raise ValueError("the schemas are read against values: record the plan in the mode update")
    findings: list[Finding] = []
    regions: dict[str, list[_Written]] = defaultdict(list)
    for record, resource in plan.resources():
        if resource.type == TEMPLATE:
            findings += _lint_template(record, resource)
        elif resource.type in COUNTERPARTS:
            written = _write(record, resource, findings)
            if written is not None:
                regions[resource.region or GLOBAL_REGION].append(written)
    for region, resources in sorted(regions.items()):
        for start in range(0, len(resources), TEMPLATE_RESOURCES):
            findings += _lint(region, resources[start : start + TEMPLATE_RESOURCES])
    return sorted(findings)


def _write(record: Record, resource: Resource, findings: list[Finding]) -> _Written | None:
    stack = str(record.stack)
    inputs = {key: plain(each) for key, each in resource.inputs.items()}
    counterpart = COUNTERPARTS[resource.type]
    region = resource.region or GLOBAL_REGION
    name = counterpart.named(inputs)
    try:
        document = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, name).schema
    except ResourceNotFoundError:
        message = f"{name} does not exist in {region}; use a region that has it"
        findings.append(Finding(stack, resource.urn, "region", "schema-region", message))
        return None
    shaped = shape(inputs, SchemaTarget(document, document), counterpart.ruled(inputs))
    for path in shaped.unmapped:
        message = f"{name} has no property for it; name its place or the reason for none in checks/cfn"
        findings.append(Finding(stack, resource.urn, path, "schema-unmapped", message))
    return _Written(stack, resource, name, shaped)


def _lint(region: str, resources: list[_Written]) -> Iterator[Finding]:
    names = {f"R{index}": each for index, each in enumerate(resources)}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            name: {"Type": each.type, "Properties": each.shaped.value} for name, each in names.items()
        },
    }
    for match in _matches(json.dumps(template), region):
        rule = str(match.rule.id)
        place = list(match.path or ())
        if not rule.startswith("E") or rule in ABOUT_TEMPLATES:
            continue
        if len(place) < 2 or place[1] not in names:
            raise RuntimeError(f"cfn-lint speaks of no resource: {rule} {match.message} at {place}")
        written = names[place[1]]
        inside = place[3:]
        path = written.shaped.source(inside)
        value = _at(written.shaped.value, inside)
        where = f"{written.type} {'.'.join(str(each) for each in inside)}".rstrip()
        shown = "" if isinstance(value, dict | list) or str(value) in match.message else f" (it is {value!r})"
        message = f"{match.message}{shown}; {where} in {region}"
        yield Finding(written.stack, written.resource.urn, path, f"schema-{rule}", message)


def _lint_template(record: Record, resource: Resource) -> Iterator[Finding]:
    region = resource.region or GLOBAL_REGION
    for match in _matches(str(plain(resource.inputs.get("templateBody"))), region):
        if str(match.rule.id).startswith("E"):
            where = ".".join(str(each) for each in match.path or ())
            message = f"{match.message}; {where} of the template in {region}"
            yield Finding(str(record.stack), resource.urn, "templateBody", f"schema-{match.rule.id}", message)


@cache
def _runner() -> Runner:
    """cfn-lint with its rules, whose reading takes longer than that of a template."""
    return Runner(ConfigMixIn(regions=[GLOBAL_REGION]))


def _matches(template: str, region: str) -> Iterator[Match]:
    decoded, errors = decode_str(template)
    yield from errors
    if decoded is not None:
        yield from run_template_by_data(decoded, ConfigMixIn(regions=[region]), _runner().rules)


def _at(value: Any, place: list[str | int]) -> Any:
    """What is at ``place``; the nearest thing around it where it is not there, as with a missing property."""
    for part in place:
        inside = isinstance(part, int) and part < len(value) if isinstance(value, list) else False
        if not inside and not (isinstance(value, Mapping) and part in value):
            break
        value = value[part]
    return value
