"""Where informers put what they hear: into the world, and the keys that it concerns into the queue."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from reelplane_operator.cluster.resources import ResourceType
from reelplane_operator.reconcile.keys import Key, child_id, key_of, owner_of
from reelplane_operator.reconcile.observed import Object
from reelplane_operator.reconcile.secrets import Secrets
from reelplane_operator.reconcile.world import World

_COUNTED_AFTER = 1.0
"""Seconds until a platform counts its pipelines' pods anew: when they come by the dozen, once for all of them."""


class Enqueue(Protocol):
    """Asks for reconciles, in ``after`` seconds."""

    def __call__(self, keys: Iterable[Key], after: float = 0.0) -> None: ...


Names = Mapping[Any, object]


class Objects:
    """Our own kinds, listed now and then; their events come from Kopf (handlers.py)."""

    def __init__(self, world: World, enqueue: Enqueue, kind: str, namespace: str | None) -> None:
        self._world = world
        self._enqueue = enqueue
        self._kind = kind
        self._namespace = namespace

    def known(self) -> Names:
        found = self._world.keys(self._kind)
        return {
            key: self._world.declared(key)
            for key in found
            if self._namespace is None or key.namespace == self._namespace
        }

    def see(self, obj: Object) -> Iterable[Hashable]:
        self._enqueue(self._world.see(obj, self._kind))
        return (key_of(obj, self._kind),)

    def lose(self, obj: Object) -> None:
        self._enqueue(self._world.lose(key_of(obj, self._kind), obj["metadata"]["uid"]))

    def vanished(self, before: Names) -> None:
        for key, token in before.items():
            if self._world.declared(key) is token:
                self._enqueue(self._world.lose(key))


class Children:
    """Children of one kind."""

    def __init__(self, world: World, enqueue: Enqueue, type: ResourceType, namespace: str | None) -> None:
        self._world = world
        self._enqueue = enqueue
        self._type = type
        self._namespace = namespace

    def known(self) -> Names:
        return self._world.known(self._type.api_version, self._type.kind, self._namespace)

    def see(self, obj: Object) -> Iterable[Hashable]:
        metadata = obj["metadata"]
        self._changed(self._world.see_child(obj))
        owner = owner_of(metadata.get("labels") or {}, metadata.get("namespace", ""))
        return ((owner, child_id(obj)),) if owner else ()

    def lose(self, obj: Object) -> None:
        self._changed(self._world.lose_child(obj))

    def vanished(self, before: Names) -> None:
        for (owner, name), token in before.items():
            if self._world.children(owner).get(name) is token:
                self._changed(self._world.drop_child(owner, name))

    def _changed(self, owners: set[Key]) -> None:
        self._enqueue(owners)
        self._enqueue(self._world.platforms_of(owners), _COUNTED_AFTER)


class SecretObjects:
    """All Secrets: some are children, some are referred to, of all others nothing is kept."""

    def __init__(self, children: Children, secrets: Secrets, world: World, enqueue: Enqueue) -> None:
        self._children = children
        self._secrets = secrets
        self._world = world
        self._enqueue = enqueue

    def known(self) -> Names:
        read = {_Read(*place): None for place in self._secrets.known()}
        return {**self._children.known(), **read}

    def see(self, obj: Object) -> Iterable[Hashable]:
        place = _Read(obj["metadata"]["namespace"], obj["metadata"]["name"])
        if self._secrets.changed(obj):
            self._enqueue(self._world.users_of_secret(*place))
        return (place, *self._children.see(obj))

    def lose(self, obj: Object) -> None:
        if self._secrets.changed(obj, gone=True):
            self._enqueue(self._world.users_of_secret(obj["metadata"]["namespace"], obj["metadata"]["name"]))
        self._children.lose(obj)

    def vanished(self, before: Names) -> None:
        read = [name for name in before if isinstance(name, _Read)]
        self._children.vanished({name: before[name] for name in before if not isinstance(name, _Read)})
        for place in read:
            self._secrets.forget(*place)
            self._enqueue(self._world.users_of_secret(*place))
        # Values that nobody refers to any more are not kept.
        for namespace, name in self._secrets.known():
            if not self._world.users_of_secret(namespace, name):
                self._secrets.forget(namespace, name)


class _Read(NamedTuple):
    """A Secret whose values were read."""

    namespace: str
    name: str
