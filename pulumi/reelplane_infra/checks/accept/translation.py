"""One row of the tables in this package: the calls of AWS's API that make a resource of pulumi-aws.

The first call makes the resource, the others set what the API sets apart. An input goes to the call that takes it by
name (``Call.takes``), all others to the first; their places in the request are found by the shaper. Ids and ARNs
are then read from the response and stand for the recorded ones in all later calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelplane_infra.checks.shaping import Rules


@dataclass(frozen=True, slots=True)
class Made:
    """What later calls of a row, and rows for other resources, may read of a resource that is being made."""

    inputs: Mapping[str, Any]
    """Plain, with the emulator's ids in the places of the recorded ones."""
    region: str
    account: str
    name: str
    """The logical name."""
    id: str = ""
    response: Mapping[str, Any] = field(default_factory=dict)
    """Of the first call."""

    def fill(self, template: Any) -> Any:
        """``template`` with ``{id}``, ``{region}``, ``{account}``, ``{name}`` (the logical one where no input is
        called so) and ``{<input>}`` filled in, also inside lists and mappings."""
        if isinstance(template, Mapping):
            return {key: self.fill(each) for key, each in template.items()}
        if isinstance(template, list):
            return [self.fill(each) for each in template]
        if not isinstance(template, str) or "{" not in template:
            return template
        place = {"id": self.id, "region": self.region, "account": self.account}
        return template.format_map({"name": self.name, **self.inputs, **place})


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    operation: str | Callable[[Made], str]
    """As AWS writes it: ``CreateVpc``."""
    rules: Rules = field(default_factory=Rules)
    """Strings in ``rules.constant`` are templates (``Made.fill``)."""
    takes: tuple[str, ...] | None = None
    """Inputs that this call sends; None for all that no other call takes. A call is left out when it takes some
    and none of them is set."""
    also: tuple[str, ...] = ()
    """Inputs that another call sends too: the name of what is changed."""
    build: Callable[[Made], Mapping[str, Any]] | None = None
    """Members of the request that no rule can say."""
    when: Callable[[Made], bool] | None = None
    """Whether the call is made at all."""

    def named(self, made: Made) -> str:
        return self.operation if isinstance(self.operation, str) else self.operation(made)


@dataclass(frozen=True, slots=True)
class Translation:
    """All requests for one resource type."""

    service: str
    """botocore's name of it."""
    calls: tuple[Call, ...]
    id: str | Callable[[Made], str]
    """JMESPath in the first response, a template of ``Made.fill`` if it has braces, or a function."""
    read: Call | None = None
    """A last call whose response has the outputs, where the first call answers less than AWS knows."""
    result: str = ""
    """JMESPath of the structure in which outputs are found by name; "" for the response, or its only structure."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Output -> JMESPath in the response (or template), where the name does not say it."""
    region: str | Callable[[Mapping[str, Any]], str] = ""
    """Where requests are sent, if not to the resource's own region; may follow from its inputs."""

    def sent_to(self, inputs: Mapping[str, Any]) -> str:
        return self.region if isinstance(self.region, str) else self.region(inputs)


Table = Mapping[str, Translation]
"""Pulumi type token -> its row."""


def one(
    service: str,
    operation: str | Callable[[Made], str],
    id: str | Callable[[Made], str],
    *,
    result: str = "",
    outputs: Mapping[str, str] | None = None,
    region: str | Callable[[Mapping[str, Any]], str] = "",
    build: Callable[[Made], Mapping[str, Any]] | None = None,
    then: tuple[Call, ...] = (),
    read: Call | None = None,
    **rules: Any,
) -> Translation:
    """A row whose resource is made by ``operation``.

    ``rules`` are the fields of the ``Rules`` for it, ``then`` the calls after it.
    """
    first = Call(operation, Rules(**rules), build=build)
    return Translation(service, (first, *then), id, read, result, outputs or {}, region)
