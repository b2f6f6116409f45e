"""Values of the Secrets that are referred to: read when a plan needs them, kept until they change.

Secrets are watched for their versions only; a value is in memory only while a platform or pool refers to it.
That a Secret does not exist is remembered, too, until one of its name appears.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.resources import SECRETS
from reelplane_operator.reconcile.observed import Object
from reelplane_plan.types import SecretText

Values = Mapping[str, SecretText]


@dataclass(frozen=True, slots=True)
class _Read:
    version: str
    """resourceVersion; empty when the Secret does not exist."""
    values: Values | None


class Secrets:
    """Values by namespace and name."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._read: dict[tuple[str, str], _Read] = {}
        self._changes = 0

    async def get(self, namespace: str, names: Iterable[str]) -> tuple[dict[str, Values], tuple[object, ...]]:
        """Those that exist, and a signature that changes with their content. Raises ClusterError."""
        found: dict[str, Values] = {}
        signature = []
        for name in sorted(names):
            read = await self._get(namespace, name)
            signature.append((name, read.version))
            if read.values is not None:
                found[name] = read.values
        return found, tuple(signature)

    def changed(self, obj: Object, *, gone: bool = False) -> bool:
        """A Secret was seen; returns whether it is another than the one that was read."""
        metadata = obj["metadata"]
        place = (metadata["namespace"], metadata["name"])
        self._changes += 1
        read = self._read.get(place)
        if read is None or read.version == ("" if gone else metadata["resourceVersion"]):
            return False
        del self._read[place]
        return True

    def known(self) -> list[tuple[str, str]]:
        """Namespaces and names of what was read and existed."""
        return [place for place, read in self._read.items() if read.values is not None]

    def forget(self, namespace: str, name: str) -> None:
        """Read it again when it is needed."""
        self._read.pop((namespace, name), None)

    async def _get(self, namespace: str, name: str) -> _Read:
        read = self._read.get((namespace, name))
        if read is not None:
            return read
        before = self._changes
        obj = await self._cluster.get(SECRETS, namespace, name)
        read = _Read(obj["metadata"]["resourceVersion"], _values(obj)) if obj else _Read("", None)
        if self._changes == before:
            # Otherwise the event about a change of this one may have come while the answer was on its way.
            self._read[(namespace, name)] = read
        return read


def _values(obj: Object) -> Values:
    """Text of each key. What is not text cannot be meant by a reference, and is left out."""
    values = {}
    for key, encoded in (obj.get("data") or {}).items():
        try:
            values[key] = SecretText(base64.b64decode(encoded).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    return values
