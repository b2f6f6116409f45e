"""The rules as policies of Pulumi's CrossGuard: the only module of the pack that imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from reelplane_policies.rule import SCHEMA, UNKNOWN, AnyRule, Resource, Rule, Settings, StackRule


def policy(rule: AnyRule) -> Policy:
    """The policy that runs ``rule``."""
    config = {name: dict(SCHEMA[name]) for name in rule.settings}
    schema = PolicyConfigSchema(config) if config else None
    level = EnforcementLevel(rule.level.value)
    if isinstance(rule, Rule):
        return ResourceValidationPolicy(
            rule.name, rule.description, _of_resource(rule), enforcement_level=level, config_schema=schema
        )
    return StackValidationPolicy(
        rule.name, rule.description, _of_stack(rule), enforcement_level=level, config_schema=schema
    )


def _of_resource(rule: Rule) -> Any:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.types and args.resource_type not in rule.types:
            return
        resource = Resource(args.resource_type, args.name, args.urn, known(args.props), args.opts.protect)
        for violation in rule.check(resource, Settings.of(args.get_config())):
            report(str(violation), None)

    return validate


def _of_stack(rule: StackRule) -> Any:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_resource(each) for each in args.resources]
        for violation in rule.check(resources, Settings.of(args.get_config())):
            report(str(violation), violation.urn or None)

    return validate


def _resource(each: PolicyResource) -> Resource:
    links = {key: [up.urn for up in ups] for key, ups in each.property_dependencies.items()}
    return Resource(each.resource_type, each.name, each.urn, known(each.props), each.opts.protect, links)


def known(value: Any) -> Any:
    """``value`` out of Pulumi's proxies, which raise where it is not known; whole numbers as such."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    # Every number of the wire is a float; rules speak of days and ports.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _item(value: Any, key: Any) -> Any:
    try:
        return known(value[key])
    except UnknownValueError:
        return UNKNOWN
