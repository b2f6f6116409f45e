"""Creates the resources of a plan in one emulator, one after another in the order of their dependencies.

A world is one emulator with the names that it gave. Every request is held to AWS's own model of it before it is sent:
required members, types and lengths by botocore, listed values by ``wrong_enums``. A resource that needs another which
the emulator could not make is not tried: what it would say of it proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import jmespath
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from reelplane_infra.checks.accept.emulators import Emulator
from reelplane_infra.checks.accept.limits import own_fault
from reelplane_infra.checks.accept.outcome import Attempt, Outcome
from reelplane_infra.checks.accept.symbols import Symbols, made_up
from reelplane_infra.checks.accept.target import ShapeTarget, wrong_enums
from reelplane_infra.checks.accept.translation import Call, Made, Table, Translation
from reelplane_infra.checks.shaping import shape
from reelplane_infra.record import Record, RecordedPlan, Resource, plain, walk

GLOBAL_REGION: Final = "us-east-1"
"""Where the APIs of services without regions are,
https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints (2026-11)."""
REFERENCE: Final = "pulumi:pulumi:StackReference"
UNKNOWN_OPERATION: Final = frozenset(
    {
        "InvalidAction",
        "NotImplemented",
        "NotImplementedException",
        "UnknownOperation",
        "UnknownOperationException",
        "UnknownAction",
        "UnknownService",
        "UnsupportedOperation",
    }
)
"""Error codes by which the two emulators say that they do not have an operation."""


class _Refused(Exception):
    """A request that must not be sent or was not accepted."""

    def __init__(self, error: str, operation: str, request: Mapping[str, Any], path: str = "") -> None:
        super().__init__(error)
        self.operation, self.request, self.path = operation, request, path


class _Unsupported(Exception):
    """The emulator has no such operation, or failed at it."""

    def __init__(self, error: str, operation: str, request: Mapping[str, Any]) -> None:
        super().__init__(error)
        self.operation, self.request = operation, request


@dataclass(slots=True)
class World:
    """One emulator, and what was made in it so far."""

    emulator: Emulator
    table: Table
    symbols: Symbols = field(default_factory=Symbols)
    _failed: set[str] = field(default_factory=set)
    """URNs that this emulator does not have."""
    _absent: dict[str, str] = field(default_factory=dict)
    """Recorded ARN of such a resource -> its URN."""

    def create(self, plan: RecordedPlan) -> Iterator[Attempt]:
        """An attempt for every resource with a row in the table."""
        stacks: dict[str, list[str]] = {}
        for _, resource in plan.resources():
            self.symbols.learn(resource)
        for record in plan.records:
            readable = [urn for name in _references(record) for urn in stacks.get(name, ())]
            stacks[str(record.stack)] = [each.urn for each in record.managed()]
            for resource in record.managed():
                if resource.type in self.table:
                    yield self._attempt(record, resource, readable)
                else:
                    self._fail(resource)

    def _attempt(self, record: Record, resource: Resource, readable: list[str]) -> Attempt:
        translation = self.table[resource.type]
        region = translation.sent_to(resource.inputs) or resource.region or GLOBAL_REGION
        outcome, operation, request, path, error = Outcome.CREATED, "", {}, "", ""
        missing = sorted(self._needs(resource) & self._failed | self._named(resource))
        if missing:
            outcome, error = Outcome.BLOCKED, f"needs {', '.join(missing)}"
        else:
            try:
                self._create(resource, translation, region, readable)
                operation = translation.service
            except _Refused as refused:
                outcome, path, error = Outcome.REFUSED, refused.path, str(refused)
                operation, request = refused.operation, dict(refused.request)
            except _Unsupported as unsupported:
                outcome, error = Outcome.UNSUPPORTED, str(unsupported)
                operation, request = unsupported.operation, dict(unsupported.request)
        if outcome is not Outcome.CREATED:
            self._fail(resource)
        return Attempt(
            str(self.emulator.name),
            str(record.stack),
            resource.urn,
            resource.type,
            outcome,
            region,
            operation,
            request,
            path,
            error,
        )

    def _needs(self, resource: Resource) -> set[str]:
        """What its inputs name; an order alone (``depends_on``) needs nothing of an emulator."""
        return {urn for urns in resource.property_dependencies.values() for urn in urns}

    def _named(self, resource: Resource) -> set[str]:
        """What of another stack it names, by itself or in a policy, and this emulator does not have; such a
        reference depends on no resource."""
        values = (each for value in resource.inputs.values() for _, each in walk(plain(value)))
        texts = [each for each in values if isinstance(each, str) and "arn:" in each]
        return {urn for arn, urn in self._absent.items() if any(arn in each for each in texts)}

    def _fail(self, resource: Resource) -> None:
        self._failed.add(resource.urn)
        arn = resource.outputs.get("arn")
        if isinstance(arn, str):
            self._absent[arn] = resource.urn

    def _create(self, resource: Resource, translation: Translation, region: str, readable: list[str]) -> None:
        inputs = {
            key: self.symbols.replace(plain(value), (*readable, *resource.property_dependencies.get(key, ())))
            for key, value in resource.inputs.items()
        }
        made = Made(inputs, region, self.emulator.account, resource.name)
        client = self.emulator.client(translation.service, region)
        for index, call in enumerate(translation.calls):
            taken = _taken(call, translation, inputs)
            if taken is None or (call.when is not None and not call.when(made)):
                continue
            response = self._send(client, translation.service, call, taken, made)
            if index == 0:
                made = replace(made, response=response)
                made = replace(made, id=_id(translation, made))
        if translation.read is not None:
            made = replace(made, response=self._send(client, translation.service, translation.read, {}, made))
        self.symbols.give(resource, {**_outputs(translation, resource, made), "id": made.id}, inputs)

    def _send(
        self, client: Any, service: str, call: Call, inputs: Mapping[str, Any], made: Made
    ) -> Mapping[str, Any]:
        name = call.named(made)
        operation = f"{service}.{name}"
        target = ShapeTarget(client.meta.service_model.operation_model(name).input_shape)
        rules = replace(call.rules, constant=made.fill(call.rules.constant))
        shaped = shape(inputs, target, rules)
        request = {**shaped.value, **(call.build(made) if call.build else {})}
        if shaped.unmapped:
            where = ", ".join(shaped.unmapped)
            raise _Refused(
                f"no place in the request for {where}; name it in checks/accept", operation, request, where
            )
        if dangling := self.symbols.dangling(request):
            raise _Refused("; ".join(dangling), operation, request, shaped.source(_place(dangling[0])))
        if wrong := wrong_enums(request, target):
            raise _Refused("; ".join(wrong), operation, request, shaped.source(_place(wrong[0])))
        method = next(key for key, each in client.meta.method_to_api_mapping.items() if each == name)
        try:
            response = getattr(client, method)(**request)
        except ParamValidationError as error:
            raise _Refused(str(error), operation, request) from error
        except ClientError as error:
            raise _judged(error, str(self.emulator.name), operation, request) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise _Unsupported(f"no answer that can be read: {error}", operation, request) from error
        return {key: each for key, each in response.items() if key != "ResponseMetadata"}


def _place(message: str) -> list[str | int]:
    """The parts of the path that ``message`` begins with, ``Rules[0].Status is ...``."""
    parts = re.findall(r"[^.\[\]]+", message.partition(" ")[0])
    return [int(each) if each.isdigit() else each for each in parts]


def _references(record: Record) -> list[str]:
    """Stacks whose outputs the record's program reads."""
    return [each.name.rpartition("/")[2] for each in record.resources if each.type == REFERENCE]


def _taken(call: Call, translation: Translation, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The inputs that ``call`` sends; None if it has nothing to send."""
    if call.takes is None:
        others = {key for each in translation.calls for key in each.takes or ()}
        rest = call is translation.calls[0]
        return {key: each for key, each in inputs.items() if key in call.also or (rest and key not in others)}
    if call.takes and not any(inputs.get(key) not in (None, "", [], {}) for key in call.takes):
        return None
    return {key: inputs[key] for key in (*call.takes, *call.also) if key in inputs}


def _judged(error: ClientError, emulator: str, operation: str, request: Mapping[str, Any]) -> Exception:
    """Whether the emulator refuses the request or has no such operation."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = str(error.response.get("Error", {}).get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f"{code}: {text}"[:600]
    # AWS's own errors have a name; a bare status is that of a web server without such a route.
    no_route = code in ("", str(status)) or "No route for" in text or (status, text) == (404, "Not Found")
    if status >= 500 or code in UNKNOWN_OPERATION or no_route:
        return _Unsupported(said, operation, request)
    if reason := own_fault(emulator, operation, said):
        return _Unsupported(f"{said} ({emulator} {reason})", operation, request)
    return _Refused(said, operation, request)


def _id(translation: Translation, made: Made) -> str:
    if callable(translation.id):
        return translation.id(made)
    if "{" in translation.id:
        return str(made.fill(translation.id))
    found = jmespath.search(translation.id, made.response)
    if not isinstance(found, str):
        raise _Unsupported(f"the response has no {translation.id}", translation.service, made.response)
    return found


def _outputs(translation: Translation, resource: Resource, made: Made) -> dict[str, str]:
    """The emulator's values of what the recorder made up, found by name in the response."""
    structure: Any = (
        jmespath.search(translation.result, made.response) if translation.result else made.response
    )
    if not translation.result:
        inner = [each for each in made.response.values() if isinstance(each, Mapping)]
        structure = inner[0] if len(inner) == 1 else made.response
    names = {key.lower(): key for key in structure} if isinstance(structure, Mapping) else {}
    arns = [key for key in names if key.endswith("arn")]
    found: dict[str, str] = {}
    for path in made_up(resource):
        said = translation.outputs.get(path)
        if said is not None:
            value = made.fill(said) if "{" in said else jmespath.search(said, made.response)
        elif path == "arn" and "arn" not in names and len(arns) == 1:
            value = structure[names[arns[0]]]
        else:
            value = structure.get(names.get(path.lower(), "")) if names else None
        if isinstance(value, str):
            found[path] = value
    return found
