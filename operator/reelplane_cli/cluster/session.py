"""A connection to the cluster that is meant, for the length of one command.

What can go wrong on the way (no extra installed, no kubeconfig, no answer, no permission) becomes a ``Failure``
that says what would be right. The client is imported here and nowhere earlier: ``--help`` needs none of it.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reelplane_cli.cluster.objects import GROUP_VERSION, Json
from reelplane_cli.errors import Failure

if TYPE_CHECKING:
    from reelplane_operator.cluster.client import Cluster

T = TypeVar("T")

MANAGER = "kubectl-reelplane"
"""Field manager of what a person says by a command; the operator's is its own."""
OPERATOR_MANAGER = "reelplane"
"""As whom the operator would write: what is previewed is tried in its name."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Which cluster and namespace, as kubectl's options of the same names say; None: as the kubeconfig says."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None


@dataclass(slots=True)
class Session:
    """An open connection and the namespace that is looked at."""

    cluster: Cluster
    namespace: str
    unseen: set[str] = field(default_factory=set)
    """Kinds that this person may not list: what is shown is then less than there is, and says so."""

    async def listed(
        self, api_version: str, kind: str, selector: str | None = None, namespace: str | None = None
    ) -> list[Json]:
        """Objects of the namespace; none where the cluster does not know the kind or does not let us see it."""
        from reelplane_operator.cluster.errors import Forbidden, NotFound
        from reelplane_operator.cluster.resources import resource

        wanted = resource(api_version, kind)
        place = (namespace or self.namespace) if wanted.namespaced else None
        try:
            return await self.cluster.list(wanted, place, selector)
        except NotFound:
            return []
        except Forbidden:
            self.unseen.add(kind)
            return []

    async def get(self, api_version: str, kind: str, name: str) -> Json | None:
        """The object; None where there is none, or the cluster does not know the kind."""
        from reelplane_operator.cluster.errors import Unserved
        from reelplane_operator.cluster.resources import resource

        wanted = resource(api_version, kind)
        try:
            return await self.cluster.get(wanted, self.namespace if wanted.namespaced else None, name)
        except Unserved:
            return None

    async def ours(self, kind: str) -> list[Json]:
        """Objects of one of our kinds."""
        return await self.listed(GROUP_VERSION, kind)


def run(connection: Connection, command: Callable[[Session], Awaitable[T]], *, manager: str = MANAGER) -> T:
    """Open a session, run ``command`` in it, close it. Raises Failure for all that a cluster can refuse.

    ``manager`` is the field manager of what it writes.
    """
    return asyncio.run(_run(connection, command, manager))


async def _run(connection: Connection, command: Callable[[Session], Awaitable[T]], manager: str) -> T:
    try:
        from reelplane_operator.cluster.client import Cluster
        from reelplane_operator.cluster.errors import ClusterError
    except ModuleNotFoundError as missing:
        raise Failure(
            f"commands for a cluster need {missing.name}, which is not installed",
            "pip install 'reelplane[operator]'",
        ) from None
    try:
        cluster = await Cluster.connect(
            kubeconfig=connection.kubeconfig, context=connection.context, manager=manager
        )
        try:
            return await command(Session(cluster, connection.namespace or cluster.namespace))
        finally:
            await cluster.close()
    except ClusterError as error:
        raise failure(error) from None


def failure(error: Exception) -> Failure:
    """What a person is told of an error of the client."""
    from reelplane_operator.cluster.errors import Forbidden, Unreachable

    if isinstance(error, Unreachable):
        return Failure(
            str(error), "check --context and --kubeconfig; `kubectl cluster-info` says what they mean"
        )
    if isinstance(error, Forbidden):
        return Failure(str(error), "`kubectl auth can-i --list` says what you may do in this namespace")
    return Failure(str(error))
