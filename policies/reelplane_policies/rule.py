"""What a rule is: a pure function of one resource, or of all of a stack's, that yields what is wrong.

Rules know nothing of Pulumi. ``crossguard`` runs them in the engine's analyzer; whoever has resources in another form
(a recorded plan) can run the same functions. Most rules are rows of a table: at this path of these types, this has to
be said (``Requirement``); what relates several resources or reads a document is written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Final


class Level(StrEnum):
    MANDATORY = "mandatory"
    """Stops an ``up``."""
    ADVISORY = "advisory"
    """Is printed."""


class Unknown(Enum):
    """A value that a preview does not know; no rule is broken by it."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as rules see it."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    """Inputs, plain; ``UNKNOWN`` for what is not known."""
    protect: bool = False
    links: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Input -> URNs of the resources that it comes from; known before the values are."""

    @property
    def stack(self) -> str:
        """``<environment>.<layer>[.<region>]``, from the URN."""
        return self.urn.split("::")[0].rpartition(":")[2]

    @property
    def tags(self) -> Mapping[str, Any]:
        tags = self.props.get("tags")
        return tags if isinstance(tags, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Settings:
    """What an environment may decide; everything else is the same for all."""

    regions: frozenset[str] = frozenset()
    """Regions it may stand in; empty for any."""
    endpoint_cidrs: frozenset[str] = frozenset()
    """Networks from which a Kubernetes API server may be reached over the internet."""
    teardown: bool = False
    """On its way to a teardown: nothing needs protection."""
    estimate_usd: float | None = None
    """What the whole environment costs a month by the price book; None where nobody computed it."""
    ceiling_usd: float | None = None
    """Its budget."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """From a policy's config in Pulumi."""
        return cls(
            regions=frozenset(config.get("regions") or ()),
            endpoint_cidrs=frozenset(config.get("endpoint_cidrs") or ()),
            teardown=bool(config.get("teardown")),
            estimate_usd=config.get("estimate_usd"),
            ceiling_usd=config.get("ceiling_usd"),
        )


SCHEMA: Final[Mapping[str, Mapping[str, Any]]] = {
    "regions": {"type": "array", "items": {"type": "string"}},
    "endpoint_cidrs": {"type": "array", "items": {"type": "string"}},
    "teardown": {"type": "boolean"},
    "estimate_usd": {"type": "number"},
    "ceiling_usd": {"type": "number"},
}
"""``Settings`` as JSON schema, for Pulumi's policy config."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Where, and what would be right."""

    path: str
    message: str
    urn: str = ""
    """The resource, in rules about stacks."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Rule:
    """About one resource."""

    name: str
    description: str
    check: Callable[[Resource, Settings], Iterable[Violation]]
    types: frozenset[str] = frozenset()
    """Type tokens it is about; empty for all."""
    level: Level = Level.MANDATORY
    settings: tuple[str, ...] = ()
    """Fields of ``Settings`` that it reads."""

    def violations(self, resource: Resource, settings: Settings) -> Iterator[Violation]:
        if not self.types or resource.type in self.types:
            yield from self.check(resource, settings)


@dataclass(frozen=True, slots=True)
class StackRule:
    """About the resources of one stack together."""

    name: str
    description: str
    check: Callable[[Sequence[Resource], Settings], Iterable[Violation]]
    level: Level = Level.MANDATORY
    settings: tuple[str, ...] = ()


AnyRule = Rule | StackRule


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row: what the inputs at ``path`` of these types have to be."""

    types: tuple[str, ...]
    path: str
    """``a.b[].c``; ``[]`` stands for every item of a list."""
    right: Callable[[Any], bool]
    """Asked with None where the input is missing."""
    message: str
    unless: str = ""
    """A path: where something stands there, another resource decides and the row does not apply."""


def required(name: str, description: str, *rows: Requirement, level: Level = Level.MANDATORY) -> Rule:
    """The rule that all rows hold."""

    def check(resource: Resource, settings: Settings) -> Iterator[Violation]:
        for row in rows:
            if resource.type not in row.types or (row.unless and any(_set(resource.props, row.unless))):
                continue
            for path, value in at(resource.props, row.path):
                if value is not UNKNOWN and not row.right(value):
                    yield Violation(path, row.message)

    return Rule(name, description, check, frozenset(each for row in rows for each in row.types), level)


def _set(props: Mapping[str, Any], path: str) -> Iterator[bool]:
    return (value is not None for _, value in at(props, path))


def at(value: Any, path: str, before: str = "") -> Iterator[tuple[str, Any]]:
    """The values at ``path`` with their own paths; None at the last place that there is, if it ends before.

    A list without items is a missing one.
    """
    if not path or value is UNKNOWN:
        yield before, value
        return
    step, _, rest = path.partition(".")
    name, many = step.removesuffix("[]"), step.endswith("[]")
    here = f"{before}.{name}" if before else name
    inner = value.get(name) if isinstance(value, Mapping) else None
    if inner is None or inner is UNKNOWN:
        yield here, inner
    elif many:
        items = inner if isinstance(inner, Sequence) and not isinstance(inner, str) else [inner]
        if not items:
            yield here, None
        for index, each in enumerate(items):
            yield from at(each, rest, f"{here}[{index}]")
    else:
        yield from at(inner, rest, here)


def true(value: Any) -> bool:
    """Providers write some booleans as text."""
    return value is True or value == "true"


def not_true(value: Any) -> bool:
    return not true(value)


def present(value: Any) -> bool:
    return value not in (None, "", [], {})


def one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: value in values


def at_least(least: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= least


def linked(resource: Resource, prop: str, others: Iterable[Resource]) -> list[Resource]:
    """Those of ``others`` whose input ``prop`` comes from ``resource``, or says its name."""
    names = {resource.props.get(each) for each in ("bucket", "name", "id")} - {None, UNKNOWN}
    return [
        each
        for each in others
        if resource.urn in each.links.get(prop, ())
        or (each.props.get(prop) in names and not each.links.get(prop))
    ]


def companion(name: str, title: str, *, kind: str, other: str, prop: str, message: str) -> StackRule:
    """Every resource of the type ``kind`` has one of the type ``other`` in its stack, whose input ``prop`` names it."""

    def missing(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
        settled = [each for each in resources if each.type == other]
        for each in resources:
            if each.type == kind and not linked(each, prop, settled):
                yield Violation("", message, each.urn)

    return StackRule(name, title, missing)
