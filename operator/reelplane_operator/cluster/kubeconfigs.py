"""Connections to other clusters, by the kubeconfigs that Secrets hold.

    owner (a RegionDeployment) + text ──► one Cluster per text, shared by all owners that have the same

A changed text makes a new connection, and the old one is closed with its last owner: what still uses it ends as
Unreachable and is tried again with the new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.transport import Request


class RemoteClusters:
    """The clusters of all regions. ``close`` it when done."""

    def __init__(self, on_request: Callable[[Request], None] | None = None, *, connections: int = 16) -> None:
        """``connections``: requests under way at once, per cluster."""
        self._on_request = on_request
        self._connections = connections
        self._digests: dict[Hashable, str] = {}
        self._clusters: dict[str, Cluster] = {}

    async def get(self, owner: Hashable, text: str) -> Cluster:
        """The cluster that the kubeconfig ``text`` names, for ``owner``; nothing is sent to it yet.

        Raises BadKubeconfig; ``owner`` then has no cluster, also when its text was good before.
        """
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self._digests.get(owner) != digest:
            await self.drop(owner)
        if digest not in self._clusters:
            # Reads inline data only, so it does not wait: two callers cannot both make one.
            made = await Cluster.connect(
                text=text, on_request=self._on_request, connections=self._connections
            )
            self._clusters.setdefault(digest, made)
        self._digests[owner] = digest
        return self._clusters[digest]

    async def drop(self, owner: Hashable) -> None:
        """``owner`` needs its cluster no more."""
        digest = self._digests.pop(owner, None)
        if digest is None or digest in self._digests.values():
            return
        await self._clusters.pop(digest).close()

    async def keep(self, owners: Iterable[Hashable]) -> None:
        """Drop all owners but these."""
        for owner in self._digests.keys() - set(owners):
            await self.drop(owner)

    async def close(self) -> None:
        """Hang up everywhere."""
        await self.keep(())
