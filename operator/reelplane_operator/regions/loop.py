"""One run for one RegionDeployment: read the hub's objects, resolve them, write them there, read them back.

    hub: platform, pipelines, pools ──► resolve (pure) ──► record ──► apply in the region ──► prune ──► status

Few regions and few objects: everything is read anew each time, from both sides, and written only where its
digest differs. A region that does not answer costs its own runs a few seconds, and nobody else anything: regions
have a queue of their own. The region's operator expands what is written, and goes on without the hub.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from reelplane_crds.kinds import ProxyPool, RegionDeployment, VideoPipeline, VideoPlatform
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ApiError, BadKubeconfig, ClusterError, Unreachable, Unserved
from reelplane_operator.cluster.kubeconfigs import RemoteClusters
from reelplane_operator.cluster.recorder import Recorder
from reelplane_operator.reconcile.keys import PAUSED, Key
from reelplane_operator.regions.record import Record, Written
from reelplane_operator.regions.records import Records
from reelplane_operator.regions.status import Outcome, status
from reelplane_operator.regions.writer import HUB, apply_all, remove_all
from reelplane_plan.regions import resolve

KIND = "RegionDeployment"
LOOK = 10.0
"""Seconds between two looks at a region that is as it should be; its status is read by looking."""
SOON = 2.0
"""Seconds while it is being brought there."""

_log = logging.getLogger(__name__)


class Refused(Exception):
    """A person has to change something: the reason and message of the Stalled condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RegionReconciler:
    """Brings a region to what its RegionDeployment says, and clears away what a deleted one left."""

    def __init__(
        self,
        hub: Cluster,
        remotes: RemoteClusters,
        records: Records,
        events: Recorder,
        now: Callable[[], str],
    ) -> None:
        self._hub = hub
        self._remotes = remotes
        self._records = records
        self._events = events
        self._now = now

    async def __call__(self, key: Key) -> float | None:
        """Returns seconds until the next look. Raises ClusterError when the hub's own server fails."""
        raw = await self._hub.get(resources.REGIONS, key.namespace, key.name)
        record = await self._records.get(key.namespace, key.name)
        if record is not None and (raw is None or raw["metadata"]["uid"] != record.uid):
            left = await self._clear(record)
            if left is not None or raw is None:
                return left
            record = None
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            return None
        outcome = await self._outcome(raw, record)
        await self._write_status(raw, outcome)
        return LOOK if outcome.state in ("applied", "paused", "stalled") and _settled(outcome) else SOON

    async def left_over(self) -> list[Key]:
        """Keys of all records: at a start, regions that were deleted meanwhile are found by them."""
        return [Key(KIND, each.namespace, each.name) for each in await self._records.all()]

    async def _outcome(self, raw: dict[str, Any], record: Record | None) -> Outcome:
        if raw["metadata"].get("annotations", {}).get(PAUSED) == "true":
            return Outcome("paused")
        try:
            region = RegionDeployment.model_validate(_declared(raw))
            wanted = await self._wanted(region)
            where = await self._where(region)
        except ValidationError as error:
            return Outcome("stalled", "InvalidSpec", str(error))
        except Refused as refused:
            return Outcome("stalled", refused.reason, str(refused))
        try:
            return await self._bring(where, wanted, raw, region, record)
        except ClusterError as error:
            return self._refused(error)

    def _refused(self, error: ClusterError) -> Outcome:
        """What a region's server answered, or that it did not."""
        if isinstance(error, Unreachable):
            return Outcome("unreachable", message=str(error), contact=self._now())
        if isinstance(error, Unserved):
            message = f"{error}: install the operator and its CRDs in that cluster"
            return Outcome("stalled", "RegionNotPrepared", message)
        reason = error.reason if isinstance(error, ApiError) else ""
        return Outcome("stalled", reason or "RegionRefused", f"the region refused: {error}")

    async def _wanted(self, region: RegionDeployment) -> list[dict[str, Any]]:
        """The resolved objects, with the target's namespace."""
        here, spec = region.metadata.namespace or "", region.spec
        raw = await self._hub.get(resources.PLATFORMS, here, spec.platform)
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            raise Refused(
                "VideoPlatformNotFound",
                f"there is no VideoPlatform {spec.platform!r} in namespace {here}: apply it, or correct spec.platform",
            )
        platform = VideoPlatform.model_validate(_declared(raw))
        pipelines = [
            VideoPipeline.model_validate(_declared(each))
            for each in await self._hub.list(resources.PIPELINES, here)
            if each["spec"]["platform"] == spec.platform
        ]
        used = {pipeline.spec.workers.download.proxies for pipeline in pipelines}
        pools = [
            ProxyPool.model_validate(_declared(each))
            for each in await self._hub.list(resources.PROXY_POOLS, here)
            if each["metadata"]["name"] in used
        ]
        target, hub = spec.namespace or here, {HUB: f"{here}.{region.metadata.name}"}
        return [
            {
                **each,
                "metadata": {
                    **each["metadata"],
                    "namespace": target,
                    "annotations": {**each["metadata"].get("annotations", {}), **hub},
                },
            }
            for each in resolve(platform, tuple(pipelines), tuple(pools), region)
        ]

    async def _where(self, region: RegionDeployment) -> Cluster:
        here, source = region.metadata.namespace or "", region.spec.cluster.kubeconfig_from
        if source is None:
            if (region.spec.namespace or here) == here:
                raise Refused(
                    "SameNamespace",
                    "a region in the hub's own cluster would overwrite the objects it is made from: "
                    "set spec.namespace to another one",
                )
            return self._hub
        return await self._remote(here, source.secret, source.key)

    async def _remote(self, namespace: str, secret: str, key: str) -> Cluster:
        found = await self._hub.get(resources.SECRETS, namespace, secret)
        if found is None:
            raise Refused("SecretNotFound", f"there is no Secret {secret!r} in namespace {namespace}")
        text = (found.get("data") or {}).get(key)
        if text is None:
            known = ", ".join(sorted(found.get("data") or {})) or "none"
            raise Refused("SecretKeyNotFound", f"Secret {secret!r} has no key {key!r}; its keys are: {known}")
        try:
            return await self._remotes.get((namespace, secret, key), _decoded(text))
        except BadKubeconfig as error:
            raise Refused("BadKubeconfig", f"key {key!r} of Secret {secret!r}: {error}") from error

    async def _bring(
        self,
        where: Cluster,
        wanted: list[dict[str, Any]],
        raw: dict[str, Any],
        region: RegionDeployment,
        record: Record | None,
    ) -> Outcome:
        """The record grows before the first write and shrinks after the last delete: it never knows too little."""
        target = region.spec.namespace or region.metadata.namespace or ""
        objects = tuple(sorted(_written(each) for each in wanted))
        source = region.spec.cluster.kubeconfig_from
        fresh = Record(
            namespace=region.metadata.namespace or "",
            name=region.metadata.name,
            uid=raw["metadata"]["uid"],
            secret=source.secret if source else None,
            key=source.key if source else "",
            target=target,
            policy=region.spec.deletion_policy,
            objects=objects,
        )
        before = record.objects if record else ()
        moved = record is not None and (record.secret, record.key, record.target) != (
            fresh.secret,
            fresh.key,
            fresh.target,
        )
        if record is not None and moved and await self._clear(record) is not None:
            message = f"clearing away what is in namespace {record.target} of the place before"
            return Outcome("waiting", "RegionMoving", message)
        gone = () if moved else tuple(sorted(set(before) - set(objects)))
        await self._records.put(fresh, also=gone, before=None if moved else record)
        digests = {
            (entry["apiVersion"], entry["kind"], entry["name"]): entry["digest"]
            for entry in raw.get("status", {}).get("inventory", ())
        }
        live, inventory = await apply_all(where, target, wanted, digests)
        if gone:
            await remove_all(where, target, gone, owner=f"{fresh.namespace}.{fresh.name}")
            await self._records.put(fresh, also=(), before=None)
        return Outcome("applied", objects=live, inventory=inventory)

    async def _clear(self, record: Record) -> float | None:
        """Remove what a region holds for a RegionDeployment that is gone. None: done; seconds: to be tried again."""
        if record.policy == "Delete":
            try:
                where = (
                    self._hub
                    if record.secret is None
                    else await self._remote(record.namespace, record.secret, record.key)
                )
                owner = f"{record.namespace}.{record.name}"
                if await remove_all(where, record.target, record.objects, owner=owner):
                    return SOON
            except Unreachable as error:
                _log.warning("region %s/%s: %s", record.namespace, record.name, error)
                return LOOK
            except (Refused, ClusterError) as error:
                # Without credentials there is nothing to be tried again: say what stays, and let it go.
                names = ", ".join(f"{each.kind}/{each.name}" for each in record.objects)
                _log.error(
                    "region %s/%s: %s; these stay in its namespace %s: %s",
                    record.namespace, record.name, error, record.target, names,
                )  # fmt: skip
        await self._records.remove(record)
        return None

    async def _write_status(self, raw: dict[str, Any], outcome: Outcome) -> None:
        metadata, previous = raw["metadata"], raw.get("status", {})
        made = status(outcome, previous, generation=metadata["generation"], now=self._now())
        if made == previous:
            return
        await self._hub.apply(
            {
                "apiVersion": raw["apiVersion"],
                "kind": KIND,
                "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
                "status": made,
            },
            subresource="status",
        )
        self._tell(raw, previous, made)

    def _tell(self, raw: dict[str, Any], previous: Mapping[str, Any], made: Mapping[str, Any]) -> None:
        """An Event and a line in the log when what stands in the way, or Ready, changed."""
        for condition in made["conditions"]:
            if condition["type"] not in ("Ready", "Stalled") or condition["status"] == "False":
                continue
            old = next((c for c in previous.get("conditions", ()) if c["type"] == condition["type"]), None)
            if old is None or (old["status"], old["reason"]) != (condition["status"], condition["reason"]):
                good = condition["type"] == "Ready" and condition["status"] == "True"
                level = logging.INFO if good else logging.WARNING
                _log.log(level, "%s: %s", condition["reason"], condition["message"])
                self._events.event(
                    raw,
                    reason=condition["reason"],
                    note=condition["message"],
                    action="Reconcile",
                    type="Normal" if good else "Warning",
                )


def _settled(outcome: Outcome) -> bool:
    made = status(outcome, {}, generation=0, now="")
    return not any(each["type"] == "Reconciling" and each["status"] == "True" for each in made["conditions"])


def _written(manifest: dict[str, Any]) -> Written:
    return Written(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"])


def _declared(raw: dict[str, Any]) -> dict[str, Any]:
    """What a person declared: the kinds' models know a status of their own version only."""
    return {key: value for key, value in raw.items() if key != "status"}


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
