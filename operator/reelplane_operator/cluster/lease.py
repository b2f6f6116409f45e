"""Leader election by a Lease: of several replicas one acts, and another takes over when it stops renewing.

The rules are client-go's. A candidate never compares the clock of another machine with its own: it watches the record,
and takes the lease when the record has not changed for as long as the record itself says, by the candidate's own
monotonic clock. A leader gives up (``lost``) when it could not renew for ``renew`` seconds, which must be shorter
than ``lease``: it has stopped acting before anybody else can start. All writes carry the version that was read,
so of two that write at once one is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError, Conflict, NotFound
from reelplane_operator.cluster.resources import LEASES

logger = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class Elector:
    """One candidate for one Lease. ``identity`` must differ between candidates: a pod's name does.

    ``lease``, ``renew``, ``retry`` are seconds: how long a silent leader keeps the lease, how long it tries to renew
    before it gives up, and the pause between two attempts. client-go's defaults are 15, 10 and 2.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        name: str,
        identity: str,
        *,
        lease: float = 15.0,
        renew: float = 10.0,
        retry: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """``clock`` measures; ``now`` is only written into the record, for people. Raises ValueError."""
        if not retry < renew < lease:
            raise ValueError(f"retry < renew < lease is needed, got {retry:g}, {renew:g}, {lease:g} s")
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._lease = lease
        self._renew = renew
        self._retry = retry
        self._clock = clock
        self._now = now
        self._record: dict[str, Any] = {}
        self._version: str | None = None
        self._observed = clock()
        """When the record was last seen to change."""
        self._renewed = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        """Set when the lease is no longer ours, or can no longer be trusted to be: stop acting at once."""

    @property
    def holder(self) -> str | None:
        """Who held the lease when it was last looked at."""
        return self._record.get("holderIdentity") or None

    async def acquire(self) -> None:
        """Wait until the lease is ours, and keep it from then on. An API server that fails is tried again."""
        self.lost.clear()
        while True:
            started = self._clock()
            try:
                if await self._try():
                    break
            except ClusterError as why:
                logger.warning("the lease %s/%s cannot be had: %s", self._namespace, self._name, why)
            await asyncio.sleep(self._retry)
        self._renewed = started
        logger.info("leading: %s holds the lease %s/%s", self._identity, self._namespace, self._name)
        self._keeper = asyncio.create_task(self._keep(), name=f"lease {self._namespace}/{self._name}")

    async def release(self) -> None:
        """Stop renewing, and give the lease to whoever asks next, at once. Call it when nothing acts any more."""
        if self._keeper is None:
            return
        self._keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeper
        self._keeper = None
        if self.lost.is_set():
            return
        self.lost.set()
        try:
            async with asyncio.timeout(self._retry):
                await self._give_up()
        except (ClusterError, TimeoutError) as why:
            logger.warning("the lease was not released, it runs out in %g s: %s", self._lease, why)

    async def _keep(self) -> None:
        """Renew until told to stop, or until it has not worked for too long."""
        while not self.lost.is_set():
            await asyncio.sleep(self._retry)
            started = self._clock()
            left = self._renewed + self._renew - started
            try:
                async with asyncio.timeout(max(left, 0.0)):
                    if await self._try():
                        self._renewed = started
                        continue
                why = "somebody else wrote to it at the same moment"
            except TimeoutError:
                why = "no answer"
            except ClusterError as error:
                why = str(error)
            if self.holder not in (None, self._identity):
                logger.error("no longer leading: %s holds the lease now", self.holder)
                self.lost.set()
            elif self._clock() - self._renewed >= self._renew:
                logger.error("no longer leading: not renewed for %g s (%s)", self._renew, why)
                self.lost.set()
            else:
                logger.warning("the lease was not renewed, trying again: %s", why)

    async def _try(self) -> bool:
        """Take or renew the lease if that is allowed. False: somebody else holds it."""
        if self.holder == self._identity and await self._refresh():
            return True
        found = await self._cluster.get(LEASES, self._namespace, self._name)
        if found is None:
            return await self._make()
        self._observe(found)
        duration = float(self._record.get("leaseDurationSeconds") or self._lease)
        silent = self._clock() - self._observed
        if self.holder not in (None, self._identity) and silent < duration:
            return False
        changed = {} if self.holder == self._identity else self._taken()
        return await self._write({**self._mine(), **changed})

    async def _refresh(self) -> bool:
        """Renew without reading first. False: the record was changed by somebody."""
        return await self._write(self._mine())

    async def _give_up(self) -> None:
        nobody = {"holderIdentity": None}
        if await self._write(nobody):
            return
        # A renewal that was cut off above may have been carried out all the same.
        found = await self._cluster.get(LEASES, self._namespace, self._name)
        if found is not None:
            self._observe(found)
            if self.holder == self._identity:
                await self._write(nobody)

    async def _make(self) -> bool:
        spec = {**self._mine(), **self._taken(), "leaseTransitions": 0}
        manifest = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": spec,
        }
        try:
            self._observe(await self._cluster.create(manifest))
        except Conflict:
            return False
        return True

    async def _write(self, spec: dict[str, Any]) -> bool:
        """Change the record if it is still what we saw; False: it is not, or it is gone."""
        patch = {"metadata": {"resourceVersion": self._version}, "spec": spec}
        try:
            self._observe(await self._cluster.merge_patch(LEASES, self._namespace, self._name, patch))
        except (Conflict, NotFound):
            return False
        return True

    def _mine(self) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            # The API takes whole seconds; rounding up only makes others wait longer.
            "leaseDurationSeconds": math.ceil(self._lease),
            "renewTime": self._stamp(),
        }

    def _taken(self) -> dict[str, Any]:
        return {
            "acquireTime": self._stamp(),
            "leaseTransitions": int(self._record.get("leaseTransitions") or 0) + 1,
        }

    def _stamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _observe(self, found: dict[str, Any]) -> None:
        record = found.get("spec") or {}
        if record != self._record:
            self._record = record
            self._observed = self._clock()
        self._version = found["metadata"]["resourceVersion"]
