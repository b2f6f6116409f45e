"""One reconcile of one object: observe, plan, apply, write the status. Thin: what decides stands in the pure modules.

    key ─► world (observed) ─► planner ─► actions.decide ─► apply ─► status.make ─► written if it changed
                                 blocked or paused: nothing is applied ──┘

Platforms and pipelines are planned together and applied apart, each its own children. It is level-triggered: a run
looks at what is, never at what happened, so that lost, doubled and reordered events end in the same state.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from reelplane_crds.kinds.values import Duration
from reelplane_operator.cluster.errors import ClusterError
from reelplane_operator.logs import about
from reelplane_operator.reconcile import (
    actions,
    apply,
    conditions,
    extractor,
    planner,
    rollout,
    status,
    times,
)
from reelplane_operator.reconcile.actions import Actions
from reelplane_operator.reconcile.apply import Failure, Outcome, OwnerGone
from reelplane_operator.reconcile.conditions import Condition
from reelplane_operator.reconcile.desired import Gathered, Planned, gather
from reelplane_operator.reconcile.desk import MISSING_BEAT, Desk, write_status
from reelplane_operator.reconcile.extractor import Renewal
from reelplane_operator.reconcile.keys import PIPELINE, PLATFORM, ChildId, Key
from reelplane_operator.reconcile.observed import Declared
from reelplane_operator.reconcile.rollout import Workload
from reelplane_operator.reconcile.status import Findings

log = logging.getLogger(__name__)

Reconcile = Callable[[Key], Awaitable[float | None]]
"""Brings one object of one kind on its way; returns seconds until it wants to be called again, or None."""

_CANARY_BEAT = 30.0
"""Seconds between two looks at a canary: figures do not come more often."""


_MADE = ("observedGeneration", "conditions")
"""Fields of a status that status.make always gives; the others stay when nothing new is known of them."""


class Retry(Exception):
    """Some children could not be written; the status says which. The queue's back-off decides when to try again."""


class Loop:
    """Sends each key to the reconcile of its kind; kinds without one are only observed."""

    def __init__(self, by_kind: dict[str, Reconcile]) -> None:
        self._by_kind = by_kind

    async def __call__(self, key: Key) -> float | None:
        reconcile = self._by_kind.get(key.kind)
        if reconcile is None:
            return None
        with about(*key):
            return await reconcile(key)


class Reconciler:
    """Platforms and pipelines: what both do, and the little in which they differ."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, key: Key) -> float | None:
        world, now = self._desk.world, self._desk.now()
        owner = world.declared(key)
        if owner is None or owner.deleting:
            # Its children go by their ownerReferences; nothing is left for us to do.
            self._desk.planner.forget(key)
            return None
        try:
            return await self._reconcile(owner, now)
        except OwnerGone:
            self._desk.forget(owner)
            return None

    async def _reconcile(self, owner: Declared, now: float) -> float | None:
        key = owner.key
        if key.kind == PLATFORM:
            platform, renewal = key, self._renew(owner, now)
        else:
            platform = Key(PLATFORM, key.namespace, owner.platform or "")
            renewal = planner.begun(self._desk.world, platform, now)
        plan = self._desk.planner.plan
        try:
            gathered, planned = await plan(platform, renewal)
            if len(self._todo(owner, planned)):
                gathered, planned = await plan(platform, renewal, manifests=True)
        except ClusterError as error:
            if not status.is_fatal(error):
                raise
            return await self._cannot_plan(owner, error)
        return await self._carry_out(owner, gathered, planned, renewal)

    async def _cannot_plan(self, owner: Declared, error: ClusterError) -> float:
        """A Secret may not be read: children stay as they are, and the status says so."""
        live = self._desk.world.children(owner.key)
        failure = Failure(ChildId("v1", "Secret", ""), error)
        findings = Findings(
            failures=[failure],
            workloads=rollout.seen(live),
            held=0 if owner.paused else None,
            serves=True,
            fields={name: value for name, value in owner.status.items() if name not in _MADE},
        )
        self._tell(owner, Outcome(), findings)
        await write_status(self._desk, owner, status.make(owner, findings, now=times.text(self._desk.now())))
        return MISSING_BEAT

    def _todo(self, owner: Declared, planned: Planned) -> Actions:
        """What would be written. Nothing while a problem stands: children stay as they are."""
        if planned.blocked or planned.of(owner.key):
            return Actions()
        live, before = self._desk.world.children(owner.key), actions.read_inventory(owner.status)
        return actions.decide(planned.wanted.get(owner.key, ()), live, before, owner)

    async def _carry_out(
        self, owner: Declared, gathered: Gathered, planned: Planned, renewal: Renewal
    ) -> float | None:
        desk, key = self._desk, owner.key
        wanted = planned.wanted.get(key, ())
        blocked = planned.blocked or bool(planned.of(key))
        todo, outcome = self._todo(owner, planned), Outcome()
        inventory = before = actions.read_inventory(owner.status)
        if not blocked and not owner.paused:
            outcome = await desk.applier.carry_out(todo, owner, planned.manifests.get(key, {}), before)
            inventory = apply.entries(wanted, outcome.answers, before)
        findings = Findings(
            problems=planned.of(key),
            waiting=planned.beside(key, gathered.running),
            failures=outcome.failures,
            workloads=self._workloads(key, planned),
            left=todo.left,
            held=len(todo) if owner.paused else None,
            serves=True,
            extra=_extra(owner, renewal) if key.kind == PLATFORM else (),
            fields=self._fields(owner, gathered, planned, renewal, inventory),
        )
        self._tell(owner, outcome, findings)
        changed = await write_status(desk, owner, status.make(owner, findings, now=times.text(desk.now())))
        if key.kind == PLATFORM and changed and renewal.stage != extractor.read(owner.status).stage:
            for pipeline in gathered.pipelines:
                desk.enqueue(pipeline.key)
        if any(not status.is_fatal(each.error) for each in outcome.failures):
            raise Retry("; ".join(str(each.error) for each in outcome.failures))
        if renewal.canary and key.kind == PLATFORM:
            return _CANARY_BEAT
        return MISSING_BEAT if findings.problems or outcome.failures else None

    def _renew(self, platform: Declared, now: float) -> Renewal:
        """One step of the extractor's renewal, judged by the figures."""
        spec = platform.spec.get("extractor") or {}
        canary = spec.get("canary") or {}
        figures = self._desk.figures(platform.key)
        renewal, verdict = extractor.step(
            extractor.read(platform.status),
            wanted=spec.get("version"),
            first=planner.is_first(platform),
            idle=gather(self._desk.world, platform.key).idle,
            least=canary.get("jobs", 20),
            window=Duration(canary.get("window", "15m")).seconds,
            ready=self._canary_is_ready(platform.key),
            tallies=figures.tallies if figures else (),
            now=now,
        )
        if verdict.reason:
            self._desk.tell(
                platform,
                verdict.reason,
                verdict.message,
                action="RenewExtractor",
                warning=verdict.reason == "ExtractorRejected",
            )
        return renewal

    def _canary_is_ready(self, platform: Key) -> bool:
        return any(
            state.rollout is not None and state.rollout.available > 0
            for pipeline in self._desk.world.pipelines_of(platform)
            for name, state in self._desk.world.children(pipeline.key).items()
            if name.kind == "Deployment" and name.name.endswith("-canary")
        )

    def _workloads(self, key: Key, planned: Planned) -> tuple[Workload, ...]:
        """The workloads that are wanted; those that are there, while a problem keeps the plan from saying."""
        live, wanted = self._desk.world.children(key), planned.wanted.get(key)
        return rollout.seen(live) if wanted is None or planned.of(key) else rollout.workloads(wanted, live)

    def _fields(
        self,
        owner: Declared,
        gathered: Gathered,
        planned: Planned,
        renewal: Renewal,
        inventory: dict[ChildId, str],
    ) -> dict[str, Any]:
        key = owner.key
        platform = key if key.kind == PLATFORM else Key(PLATFORM, key.namespace, owner.platform or "")
        figures = self._desk.figures(platform)
        own = self._workloads(key, planned)
        fields: dict[str, Any] = {
            "inventory": actions.write_inventory(inventory),
            "queue": figures.queue if figures else None,
            "hitRate": figures.hit_rate if figures else None,
        }
        if key.kind == PIPELINE:
            return {"workers": rollout.total(own) if own else None, **fields}
        workers = [each for one in gathered.pipelines for each in self._workloads(one.key, planned)]
        api = [each for each in own if each.id.name == f"{key.name}-api"]
        return {
            "url": url(owner, planned),
            "api": rollout.total(api) if api else None,
            "workers": rollout.total(workers) if workers else None,
            "pipelines": len(gathered.pipelines),
            "extractor": extractor.write(renewal) or None,
            **fields,
        }

    def _tell(self, owner: Declared, outcome: Outcome, findings: Findings) -> None:
        """Events worth reading: what others changed and was put back, what was pruned, what needs a person."""
        tell = self._desk.tell
        for name, managers in outcome.overridden:
            who = f" by {', '.join(managers)}" if managers else ""
            tell(
                owner,
                "DriftCorrected",
                f"{name} was changed{who}; it was put back as planned",
                action="Apply",
            )
        for name, why in outcome.written:
            if why == "pruned":
                tell(owner, "Pruned", f"{name} is no longer wanted and was deleted", action="Prune")
        verdict = status.judge(findings)
        last = conditions.find(owner.status.get("conditions") or (), conditions.STALLED)
        was_stuck = last is not None and last.get("status") == "True"
        if verdict.state == "stuck" and not (was_stuck and last and last.get("reason") == verdict.reason):
            tell(owner, verdict.reason, verdict.message, warning=True)
        elif verdict.state == "done" and was_stuck:
            tell(owner, "Recovered", "it is as it was asked for again")


def url(platform: Declared, planned: Planned) -> str | None:
    """Where clients reach the platform: its domain, or the Service inside the cluster."""
    domain, gateway = platform.spec.get("domain"), platform.spec.get("gateway") or {}
    if domain:
        # An HTTPRoute's TLS is its Gateway's, and a Gateway for the public has it.
        return f"{'https' if gateway.get('tls') or gateway.get('parent') else 'http'}://{domain}/"
    at = planned.endpoint
    return f"http://{at.host}.{platform.key.namespace}.svc:{at.port}/" if at else platform.status.get("url")


def _extra(owner: Declared, renewal: Renewal) -> list[Condition]:
    """Conditions that only platforms have."""
    embedded = [
        part
        for part in ("cache", "queue", "database", "objects")
        # A union that was not written is embedded: the API server fills none in.
        if "embedded" in (owner.spec.get(part) or {"embedded": {}})
    ]
    found = []
    if embedded:
        message = f"{', '.join(embedded)}: one pod each; for development, not for what must not stop"
        found.append(conditions.true(conditions.DEVELOPMENT_ONLY, "EmbeddedStores", message))
    wanted = (owner.spec.get("extractor") or {}).get("version")
    if wanted in renewal.rejected and wanted != renewal.current:
        runs = renewal.current or "the one inside the image"
        message = f"{wanted} failed on its canary; {runs} runs on until spec.extractor.version names another"
        found.append(conditions.true(conditions.EXTRACTOR_REJECTED, "CanaryFailed", message))
    return found
