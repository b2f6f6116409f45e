"""The engine's two services as a program sees them, answering from the SDK's own types and keeping what was sent.

A program registers resources with the resource monitor and logs to the engine. This monitor answers registrations
by ``computed``, stack references from the records that came before, and the few functions that the program calls by
``functions``; whatever it cannot answer honestly it refuses, and the refusal ends the program with the reason.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlparse

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
    source_pb2,
)

from reelplane_infra.record import computed, functions, sdk
from reelplane_infra.record.record import Invocation, Mode, Record, Resource
from reelplane_infra.record.values import Secret, Value, decode, encode
from reelplane_infra.stack import PROJECT, StackName

_ROOT = Path(__file__).resolve().parents[3]
STACK_TYPE = "pulumi:pulumi:Stack"
REFERENCE_TYPE = "pulumi:pulumi:StackReference"
FEATURES = tuple(
    getattr(resource_pb2, f"RESOURCE_MONITOR_FEATURE_{each}")
    for each in ("SECRETS", "RESOURCE_REFERENCES", "ALIAS_SPECS", "DELETED_WITH")
)
"""What is promised to programs. Transforms and hooks are calls back into the program, which this monitor does not
make: a program that asks for them is refused by the SDK instead of being recorded without them."""


@dataclass(slots=True)
class Session:
    """One run of one stack: what is known before, and what it did."""

    stack: StackName
    mode: Mode
    account: str
    region: str
    """Where resources without a region of their own stand."""
    referable: Mapping[str, Mapping[str, Value]]
    """Outputs of the stacks that were recorded before, by stack name."""
    resources: dict[str, Resource] = field(default_factory=dict)
    invocations: list[Invocation] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def urn(self, parent: str, token: str, name: str) -> str:
        """``urn:pulumi:<stack>::<project>::<parent's types>$<type>::<name>``, as the engine builds it."""
        above = parent.split("::")[2] if parent else ""
        path = token if above in ("", STACK_TYPE) else f"{above}${token}"
        return f"urn:pulumi:{self.stack}::{PROJECT}::{path}::{name}"

    def record(self) -> Record:
        return Record(
            stack=self.stack,
            mode=self.mode,
            resources=_ordered(self.resources),
            invocations=tuple(self.invocations),
            outputs=self.outputs,
            logs=tuple(self.warnings),
            seconds=round(time.monotonic() - self.started, 3),
        )


def _ordered(resources: Mapping[str, Resource]) -> tuple[Resource, ...]:
    """What others depend on first, and by URN among equals: programs register in an order that differs by run."""
    graph = {urn: [up for up in (each.parent, *each.dependencies) if up] for urn, each in resources.items()}
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    out: list[Resource] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        out.extend(resources[urn] for urn in ready if urn in resources)
        sorter.done(*ready)
    return tuple(out)


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The resource monitor of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def GetDeploymentInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> Any:
        session = self._session
        return resource_pb2.DeploymentInfo(
            project=PROJECT,
            stack=str(session.stack),
            dryRun=session.mode is Mode.PREVIEW,
            supportedFeatures=FEATURES,
        )

    def RegisterResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        session = self._session
        urn = session.urn(request.parent, request.type, request.name)
        inputs = decode(request.object)
        source = _source(request.sourcePosition)
        if request.custom and not request.type.startswith("pulumi:"):
            answer = self._answer(request.type, urn, inputs, source, context)
            hidden = [each for each in request.additionalSecretOutputs if each in answer.outputs]
            for each in hidden:
                answer.outputs[each] = Secret(answer.outputs[each])
        else:
            ident = urn.rpartition("::")[2] if request.custom else None
            answer = computed.Answer(ident, {})
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            id=answer.id,
            inputs=inputs,
            outputs=dict(answer.outputs),
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(edges.urns)) for key, edges in sorted(request.propertyDependencies.items())
            },
            protect=request.protect,
            retain=request.retainOnDelete,
            aliases=(*request.aliasURNs, *(_alias(each) for each in request.aliases)),
            ignore_changes=tuple(request.ignoreChanges),
            provider=request.provider,
            version=request.version,
            source="" if request.type == STACK_TYPE else source,
        )
        with session.lock:
            before = session.resources.setdefault(urn, resource)
        if before is not resource:
            refuse(context, f"{source}: {urn} is registered twice; the first is at {before.source}")
        ident = answer.id if isinstance(answer.id, str) else ""
        return resource_pb2.RegisterResourceResponse(urn=urn, id=ident, object=encode(answer.outputs))

    def _answer(
        self, token: str, urn: str, inputs: dict[str, Value], source: str, context: grpc.ServicerContext
    ) -> computed.Answer:
        session = self._session
        try:
            return computed.answer(
                token, urn, inputs, mode=session.mode, region=session.region, account=session.account
            )
        except sdk.UnknownType as error:
            refuse(context, f"{source}: {urn}: {error}")

    def ReadResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        session = self._session
        urn = session.urn(request.parent, request.type, request.name)
        inputs = decode(request.properties)
        source = _source(request.sourcePosition)
        if request.type == REFERENCE_TYPE:
            outputs = self._reference(request.id, source, context)
        else:
            outputs = self._answer(request.type, urn, inputs, source, context).outputs
        with session.lock:
            session.resources[urn] = Resource(
                urn=urn,
                type=request.type,
                name=request.name,
                parent=request.parent,
                id=request.id,
                inputs=inputs,
                outputs=outputs,
                dependencies=tuple(sorted(request.dependencies)),
                source=source,
                read=True,
            )
        return resource_pb2.ReadResourceResponse(urn=urn, id=request.id, properties=encode(outputs))

    def _reference(self, name: str, source: str, context: grpc.ServicerContext) -> dict[str, Value]:
        """The outputs of the stack ``<organization>/<project>/<stack>``, as the engine returns them."""
        stack = name.rpartition("/")[2]
        if stack not in self._session.referable:
            known = ", ".join(self._session.referable) or "none"
            refuse(
                context, f"{source}: {self._session.stack} reads stack {stack}; deployed before it: {known}"
            )
        outputs = dict(self._session.referable[stack])
        hidden: list[Value] = [key for key, value in outputs.items() if isinstance(value, Secret)]
        return {"name": name, "outputs": outputs, "secretOutputNames": hidden}

    def RegisterResourceOutputs(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        session = self._session
        outputs = decode(request.outputs)
        with session.lock:
            resource = session.resources[request.urn]
            resource.outputs.update(outputs)
            if resource.type == STACK_TYPE:
                session.outputs = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        session = self._session
        arguments = decode(request.args)
        try:
            result = functions.call(request.tok, arguments, account=session.account, region=session.region)
        except functions.Unanswered as error:
            refuse(context, f"{_source(request.sourcePosition)}: {error}")
        with session.lock:
            session.invocations.append(Invocation(request.tok, arguments, result))
        return provider_pb2.InvokeResponse(**{"return": encode(result)})

    def RegisterPackage(self, request: Any, context: grpc.ServicerContext) -> Any:
        return resource_pb2.RegisterPackageResponse(ref=f"{request.name}@{request.version}")

    def SignalAndWaitForShutdown(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        return empty_pb2.Empty()


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine of one session: what the program logs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._root = ""

    def Log(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        if request.severity == engine_pb2.ERROR:
            self._session.errors.append(request.message)
        elif request.severity == engine_pb2.WARNING:
            self._session.warnings.append(request.message)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any, context: grpc.ServicerContext) -> Any:
        return engine_pb2.RequirePulumiVersionResponse()


def refuse(context: grpc.ServicerContext, reason: str) -> NoReturn:
    """Ends the call with ``reason``, and with it the program."""
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, reason)
    raise AssertionError("abort raises")


def _source(position: source_pb2.SourcePosition) -> str:
    """``file:line``, from the URI that the SDK sends; files of the repository relative to it."""
    if not position.uri:
        return ""
    path = Path(unquote(urlparse(position.uri).path))
    return f"{path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path}:{position.line}"


def _alias(alias: Any) -> str:
    """An alias as text: its URN, or the parts of it that differed."""
    if alias.WhichOneof("alias") == "urn":
        return str(alias.urn)
    spec = alias.spec
    parts = {"name": spec.name, "type": spec.type, "stack": spec.stack, "parent": spec.parentUrn}
    return ",".join(f"{key}={value}" for key, value in parts.items() if value) or "no parent"
