"""A dictionary that cannot grow without bound, for what is remembered about strangers' input."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(dict[K, V], Generic[K, V]):
    """At most ``limit`` entries: the oldest goes when a new one comes.

    First in, first out rather than least recently used: a lookup then writes nothing and stays a plain ``dict.get``,
    and an entry that is still wanted comes back with its next request.
    """

    __slots__ = ("_limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def put(self, key: K, value: V) -> None:
        """Store ``value`` as the newest entry. A limit of 0 stores nothing."""
        if self._limit == 0:
            return
        self.pop(key, None)
        if len(self) >= self._limit:
            del self[next(iter(self))]
        self[key] = value
