"""One row of the tables in this package: which CloudFormation type describes a resource type of pulumi-aws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelplane_infra.checks.shaping import Rules


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A CloudFormation type and what is named otherwise there."""

    type: str | Callable[[Mapping[str, Any]], str]
    """Its name, or a function of the inputs where one Pulumi type stands for two."""
    rules: Rules | Callable[[Mapping[str, Any]], Rules] = field(default_factory=Rules)
    """Or a function of the inputs, where names follow from one of them."""
    part: bool = False
    """The resource is a property of another one in CloudFormation (a bucket's versioning): the rest is not written."""

    def named(self, inputs: Mapping[str, Any]) -> str:
        return self.type if isinstance(self.type, str) else self.type(inputs)

    def ruled(self, inputs: Mapping[str, Any]) -> Rules:
        return self.rules if isinstance(self.rules, Rules) else self.rules(inputs)


Table = Mapping[str, Counterpart]
"""Pulumi type token -> its row."""


def of(type: str | Callable[[Mapping[str, Any]], str], *, part: bool = False, **rules: Any) -> Counterpart:
    """A row; ``rules`` are the fields of its ``Rules``."""
    return Counterpart(type, Rules(**rules), part)


DESTROYED = "read when the resource is destroyed"
UPDATED = "read when the resource is updated"
WAITED = "what the provider waits for"
"""Why an input has no counterpart."""
