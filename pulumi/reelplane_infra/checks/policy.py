"""Runs the policy pack over a recorded plan the way Pulumi's engine runs it.

The engine starts ``python -m pulumi.policy <engine> <pack>`` for a stack, reads the port from its first line, sends the
pack its config, then every registration (Analyze: inputs, options, secrets and unknowns as they are) and at the end
the whole stack (AnalyzeStack: outputs, parents, dependencies). So do we, a child per stack, two at a time.
``in_process`` runs the same rules without a child, for whoever asks many thousand times.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

import reelplane_policies
from reelplane_infra.checks.finding import Finding, Level
from reelplane_infra.config import Environment
from reelplane_infra.record import UNKNOWN, Mode, Record, RecordedPlan, Resource, Secret, Value, stack_config
from reelplane_infra.record.values import encode
from reelplane_infra.stack import PROJECT
from reelplane_policies.rule import UNKNOWN as UNKNOWN_TO_RULES
from reelplane_policies.rule import Resource as Subject
from reelplane_policies.rule import Rule, Settings, Violation

PACK: Final = Path(reelplane_policies.__file__).resolve().parents[1]
"""The folder with PulumiPolicy.yaml."""
PARALLEL: Final = 2
"""Stacks whose packs run at the same time."""
PATIENCE: Final = 120.0
"""Seconds after which a pack that does not answer is given up."""
NO_ENGINE: Final = "127.0.0.1:1"
"""The pack asks for the engine's address and, reporting by its answers, never calls it."""
MESSAGE_BYTES: Final = 400 * 1024 * 1024
"""The engine's own limit, https://github.com/pulumi/pulumi/blob/master/sdk/go/common/util/rpcutil/rpc.go (2026-11)."""
_PATH = re.compile(r"([A-Za-z][^\s:]*(?::[^\s:]+)*): (.+)", re.DOTALL)


class PackError(Exception):
    """A pack that could not be run: the stack, and what the pack said."""


def settings(plan: RecordedPlan, estimate_usd: float | None = None) -> Settings:
    """What the environment's document decides. ``estimate_usd`` is its price a month, where somebody computed it."""
    environment = plan.environment
    networks = [
        environment.get("region") or {},
        *(each.get("overrides") or {} for each in environment["regions"]),
    ]
    cidrs = [cidr for each in networks for cidr in ((each.get("cluster") or {}).get("public_cidrs") or ())]
    budget = ((environment.get("foundation") or {}).get("budget") or {}).get("monthly_usd")
    return Settings(
        regions=frozenset(each["name"] for each in environment["regions"]),
        endpoint_cidrs=frozenset(cidrs),
        teardown=bool(environment.get("teardown")),
        estimate_usd=estimate_usd,
        ceiling_usd=None if budget is None else float(budget),
    )


def pack_config(decided: Settings) -> dict[str, dict[str, Any]]:
    """The file for ``pulumi up --policy-pack-config``: by policy, what of ``decided`` it reads."""
    values = {
        "regions": sorted(decided.regions),
        "endpoint_cidrs": sorted(decided.endpoint_cidrs),
        "teardown": decided.teardown,
        "estimate_usd": decided.estimate_usd,
        "ceiling_usd": decided.ceiling_usd,
    }
    return {
        rule.name: {key: values[key] for key in rule.settings if values[key] is not None}
        for rule in reelplane_policies.RULES
        if rule.settings
    }


def check_policy(
    plan: RecordedPlan, *, estimate_usd: float | None = None, pack: Path = PACK
) -> list[Finding]:
    """What the pack has against ``plan``. Raises PackError."""
    config = pack_config(settings(plan, estimate_usd))
    environment = Environment.model_validate_json(json.dumps(plan.environment))

    def one(record: Record) -> list[Finding]:
        with _analyzer(record, stack_config(environment, record.stack), pack) as analyzer:
            return list(_analyze(analyzer, record, config))

    with ThreadPoolExecutor(PARALLEL) as pool:
        return sorted(finding for found in pool.map(one, plan.records) for finding in found)


def in_process(records: Iterable[Record], decided: Settings) -> list[Finding]:
    """The same rules on the same resources, called as functions."""
    found: list[Finding] = []
    for record in records:
        subjects = [subject(each) for each in record.resources if not each.read]
        for rule in reelplane_policies.RULES:
            if isinstance(rule, Rule):
                each = (
                    (one.urn, violation) for one in subjects for violation in rule.violations(one, decided)
                )
            else:
                each = ((violation.urn, violation) for violation in rule.check(subjects, decided))
            found += (
                _finding(record, urn, rule.name, violation, Level(rule.level.value))
                for urn, violation in each
            )
    return sorted(found)


def subject(resource: Resource) -> Subject:
    """A recorded resource as rules see it."""
    links = resource.property_dependencies
    props = {key: _plain(value) for key, value in resource.inputs.items()}
    return Subject(resource.type, resource.name, resource.urn, props, resource.protect, links)


def _plain(value: Value) -> Any:
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return UNKNOWN_TO_RULES if value is UNKNOWN else value


def _finding(record: Record, urn: str, rule: str, violation: Violation, level: Level) -> Finding:
    return Finding(str(record.stack), urn, violation.path, rule, violation.message, level)


@contextmanager
def _analyzer(
    record: Record, config: Mapping[str, str], pack: Path
) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack as a process, for as long as the context lasts."""
    child = subprocess.Popen(  # noqa: S603 - Pulumi's own module on our own folder
        [sys.executable, "-m", "pulumi.policy", NO_ENGINE, str(pack)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PULUMI_PROJECT": PROJECT,
            "PULUMI_STACK": str(record.stack),
            "PULUMI_ORGANIZATION": "organization",
            "PULUMI_DRY_RUN": "true" if record.mode is Mode.PREVIEW else "false",
            "PULUMI_CONFIG": json.dumps(dict(config)),
            "GRPC_VERBOSITY": "NONE",
        },
    )
    try:
        port = _first_line(child)
        if not port.isdigit():
            child.kill()
            said = child.communicate()[1][-2000:].strip() or "nothing on its standard error"
            raise PackError(f"{record.stack}: the pack in {pack} did not start: {said}")
        options = [
            ("grpc.max_receive_message_length", MESSAGE_BYTES),
            ("grpc.max_send_message_length", MESSAGE_BYTES),
        ]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    except grpc.RpcError as error:
        raise PackError(f"{record.stack}: the pack in {pack} failed: {error.details()}") from error
    finally:
        child.kill()
        child.communicate()


def _first_line(child: subprocess.Popen[str]) -> str:
    """The port; empty when the child ended or said nothing for as long as there is patience."""
    lines: queue.Queue[str] = queue.Queue()
    stdout = child.stdout
    if stdout is None:
        return ""
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=PATIENCE).strip()
    except queue.Empty:
        return ""


def _analyze(
    analyzer: analyzer_pb2_grpc.AnalyzerStub, record: Record, config: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    levels = {
        each.name: each.enforcementLevel
        for each in analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=PATIENCE).policies
    }
    analyzer.Configure(
        analyzer_pb2.ConfigureAnalyzerRequest(
            policyConfig={
                name: analyzer_pb2.PolicyConfig(enforcementLevel=levels[name], properties=_struct(values))
                for name, values in config.items()
                if name in levels
            }
        ),
        timeout=PATIENCE,
    )
    registered = [each for each in record.resources if not each.read]
    for each in registered:
        answer = analyzer.Analyze(
            analyzer_pb2.AnalyzeRequest(
                type=each.type,
                name=each.name,
                urn=each.urn,
                properties=encode(each.inputs),
                options=_options(each),
            ),
            timeout=PATIENCE,
        )
        for diagnostic in answer.diagnostics:
            yield _told(record, each.urn, diagnostic)
    answer = analyzer.AnalyzeStack(
        analyzer_pb2.AnalyzeStackRequest(resources=[_in_stack(each) for each in registered]), timeout=PATIENCE
    )
    for diagnostic in answer.diagnostics:
        yield _told(record, diagnostic.urn, diagnostic)


def _options(resource: Resource) -> Any:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        aliases=resource.aliases,
        parent=resource.parent,
    )


def _in_stack(resource: Resource) -> Any:
    """With the state's outputs, in which a provider returns the inputs that were set."""
    return analyzer_pb2.AnalyzerResource(
        type=resource.type,
        name=resource.name,
        urn=resource.urn,
        properties=encode({**resource.inputs, **resource.outputs}),
        options=_options(resource),
        parent=resource.parent,
        dependencies=resource.dependencies,
        propertyDependencies={
            key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
            for key, urns in resource.property_dependencies.items()
        },
    )


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(dict(values))
    return made


def _told(record: Record, urn: str, diagnostic: Any) -> Finding:
    """A diagnostic's message is the policy's description, a line's end, and what the rule said: path and message."""
    text = diagnostic.message.removeprefix(f"{diagnostic.description}\n")
    match = _PATH.fullmatch(text)
    path, message = (match[1], match[2]) if match else ("", text)
    mandatory = diagnostic.enforcementLevel == analyzer_pb2.MANDATORY
    level = Level.MANDATORY if mandatory else Level.ADVISORY
    return Finding(str(record.stack), urn, path, diagnostic.policyName, message, level)
