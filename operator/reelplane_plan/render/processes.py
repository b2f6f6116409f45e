"""A plan as processes of one machine: argv as data, in the shape the local supervisor runs.

Placeholders in an argv are whole words in braces, filled in per instance by whoever starts it: ``{instance}``,
``{document}`` (path of the runtime document), ``{listen-fd}`` (the socket all API processes share),
``{own-fd}`` (a loopback socket of the process's own, for probes and metrics), ``{log-style}``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from reelplane_plan.builders.servers import socket_path, valkey_options
from reelplane_plan.scale import ScalingRule
from reelplane_plan.servers import ValkeyServer
from reelplane_plan.types import HTTP, Facts, Plan, Probe, SecretFile, Workload


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One group of equal processes."""

    name: str
    """``api`` and ``worker`` have numbered instances (``api-0``); a store is the one instance of its name."""
    role: Literal["api", "worker", "store"]
    argv: tuple[str, ...]
    document: str | None = None
    """Text of the runtime document, or None for a process that reads none."""
    secrets: tuple[SecretFile, ...] = ()
    probe: Probe = HTTP
    after: tuple[str, ...] = ()
    """Groups of which one instance must be ready before this one starts."""
    replicas: int = 1
    rule: ScalingRule | None = None
    drain_stage: int = 0
    grace: int = 10
    nice: int = 0

    def instance(self, slot: int) -> str:
        return self.name if self.role == "store" else f"{self.name}-{slot}"

    @property
    def fingerprint(self) -> str:
        """Tells whether a running process is still what the plan wants: argv, document, scaling, secrets."""
        digest = hashlib.sha256()
        for part in (*self.argv, self.document or "", repr(self.rule), *map(_secret_text, self.secrets)):
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()[:16]


def render(plan: Plan, facts: Facts) -> tuple[ProcessSpec, ...]:
    """The processes of ``plan``, in the order in which they may be started."""
    return tuple(_process(workload, facts) for workload in plan.workloads)


def _process(workload: Workload, facts: Facts) -> ProcessSpec:
    scale, policy = workload.scale, workload.policy
    return ProcessSpec(
        name="worker" if workload.role == "worker" else workload.name,
        role=workload.role,
        argv=_argv(workload, facts),
        document=workload.config.document.dump() if workload.config else None,
        secrets=workload.config.secrets if workload.config else (),
        probe=workload.probe,
        after=policy.after,
        replicas=scale.rule.minimum if scale.rule else scale.replicas,
        rule=scale.rule,
        drain_stage=policy.drain_stage,
        grace=policy.grace,
        nice=policy.nice,
    )


def _argv(workload: Workload, facts: Facts) -> tuple[str, ...]:
    """Valkey is the one server that a machine runs: its database and its objects are files."""
    if isinstance(workload.server, ValkeyServer):
        return _valkey(workload.name, workload.server, facts)
    return _python(workload, facts)


def _python(workload: Workload, facts: Facts) -> tuple[str, ...]:
    argv = [facts.python, "-m", "reelplane_workloads", workload.role]
    argv += ["--document", "{document}", "--instance", "{instance}", "--own-socket-fd", "{own-fd}"]
    if workload.role == "api":
        argv += ["--listen-fd", "{listen-fd}"]
    return (*argv, "--log-style", "{log-style}")


def _valkey(name: str, server: ValkeyServer, facts: Facts) -> tuple[str, ...]:
    """Only a Unix socket in a private folder: nobody else on this machine can reach it."""
    argv = [facts.valkey_server, "--port", "0", "--unixsocket", str(socket_path(facts.layout, name))]
    argv += ["--unixsocketperm", "700", "--dir", str(facts.layout.valkey), "--loglevel", "warning"]
    return (*argv, *valkey_options(server))


def _secret_text(file: SecretFile) -> str:
    return f"{file.name}={file.content.value if file.content else ''}"
