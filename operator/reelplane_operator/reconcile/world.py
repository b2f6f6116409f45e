"""What was observed of the cluster: our objects, their children, and who depends on whom.

Informers and event handlers put objects in; each call answers with the keys that have to be reconciled because
of it. Nothing here waits or writes. Events may come late, twice or out of order, and answers to our own writes
come beside them: of one uid the greatest resourceVersion wins, also over the one at which it was seen to go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping

from reelplane_operator.reconcile import observed
from reelplane_operator.reconcile.keys import PIPELINE, PLATFORM, POOL, ChildId, Key, child_id, owner_of
from reelplane_operator.reconcile.observed import ChildState, Declared, Object

_REMEMBERED = 4096
"""Deleted uids kept with the version of their end, so that the answer to a write that raced with the deletion does
not bring an object back. An object that only lost our labels has a later version when we give them back."""

Place = tuple[str, str]
"""Namespace and name."""

_NOTHING: Mapping[ChildId, ChildState] = {}


class World:
    """The one view that reconciles work from."""

    def __init__(self) -> None:
        self._declared: dict[Key, Declared] = {}
        self._children: dict[Key, dict[ChildId, ChildState]] = {}
        self._by_platform: dict[Place, set[Key]] = {}
        self._by_pool: dict[Place, set[Key]] = {}
        self._by_secret: dict[Place, set[Key]] = {}
        self._gone: OrderedDict[str, int] = OrderedDict()
        self.apis: frozenset[str] = frozenset()
        """Kinds of other projects that the cluster serves, as ``keda.sh/ScaledObject``."""

    # Reading

    def declared(self, key: Key) -> Declared | None:
        return self._declared.get(key)

    def keys(self, kind: str | None = None) -> list[Key]:
        """All our objects, or those of one kind."""
        return [key for key in self._declared if kind is None or key.kind == kind]

    def children(self, owner: Key) -> Mapping[ChildId, ChildState]:
        return self._children.get(owner, _NOTHING)

    def pipelines_of(self, platform: Key) -> list[Declared]:
        """The pipelines of a platform, oldest first; of the same second, by name."""
        found = self._by_platform.get((platform.namespace, platform.name), ())
        ours = [self._declared[key] for key in found if key.kind == PIPELINE]
        return sorted(ours, key=lambda each: (each.created, each.key.name))

    def users_of_pool(self, pool: Key) -> list[Declared]:
        """The pipelines that go out through a pool."""
        found = self._by_pool.get((pool.namespace, pool.name), ())
        return sorted((self._declared[key] for key in found), key=lambda each: each.key)

    def affected_by(self, key: Key) -> set[Key]:
        """``key`` and all that is planned together with it."""
        at = key.namespace
        if key.kind == PLATFORM:
            return {key, *self._by_platform.get((at, key.name), ())}
        found = {key}
        if key.kind == POOL:
            for user in self._by_pool.get((at, key.name), ()):
                found |= {user, *self._platform_and_all(user)}
            return found
        found |= self._platform_and_all(key)
        declared = self._declared.get(key)
        if declared and declared.pool:
            found.add(Key(POOL, at, declared.pool))
        return found

    def _platform_and_all(self, key: Key) -> set[Key]:
        declared = self._declared.get(key)
        if declared is None or declared.platform is None:
            return set()
        place = (key.namespace, declared.platform)
        return {Key(PLATFORM, *place), *self._by_platform.get(place, ())}

    # Our objects

    def see(self, obj: Object, kind: str | None = None) -> set[Key]:
        """An object of ours was received; returns whom that concerns (nobody, when nothing of weight changed)."""
        new = observed.declared(obj, kind)
        old = self._declared.get(new.key)
        if self._outlived(new.uid, new.version) or (old and old.uid == new.uid and old.version > new.version):
            return set()
        # The old spec's neighbours, too: a pipeline that leaves a pool concerns that pool.
        concerned = self.affected_by(new.key) if old and old.spec != new.spec else set()
        if old:
            self._unlink(old)
        self._declared[new.key] = new
        self._link(new)
        if old and new.asks_the_same_as(old):
            # A status that is not what we wrote is put right; the others do not care.
            return {new.key} if new.status != old.status else set()
        return concerned | self.affected_by(new.key)

    def lose(self, key: Key, uid: str | None = None) -> set[Key]:
        """An object of ours is gone; returns whom that concerns. With ``uid`` only if it is still that one."""
        old = self._declared.get(key)
        if old is None or (uid is not None and old.uid != uid):
            return set()
        concerned = self.affected_by(key)
        self._bury(old.uid, old.version)
        self._unlink(old)
        del self._declared[key]
        return concerned

    # Children

    def see_child(self, obj: Object) -> set[Key]:
        """A child was received, whole or its metadata; returns the owners that have to look at it."""
        new = observed.child(obj)
        return self.lose_child(obj) if new is None else self.take_child(child_id(obj), new)

    def take_child(self, name: ChildId, new: ChildState) -> set[Key]:
        """As ``see_child``, of what was read already."""
        if self._outlived(new.uid, new.version):
            return set()
        mine = self._children.setdefault(new.owner, {})
        old = mine.get(name)
        if old and old.uid == new.uid and old.version > new.version:
            return set()
        mine[name] = new
        return {new.owner} if old is None or new.differs_from(old) else set()

    def lose_child(self, obj: Object) -> set[Key]:
        """A child was deleted, or lost our labels; returns its owner."""
        metadata = obj["metadata"]
        self._bury(metadata["uid"], int(metadata["resourceVersion"]))
        owner = owner_of(metadata.get("labels") or {}, metadata.get("namespace", ""))
        return self.drop_child(owner, child_id(obj), metadata["uid"]) if owner else set()

    def drop_child(self, owner: Key, name: ChildId, uid: str | None = None) -> set[Key]:
        """Forget a child; with ``uid`` only if it is still that one. Returns its owner if it was known."""
        mine = self._children.get(owner, {})
        old = mine.get(name)
        if old is None or (uid is not None and old.uid != uid):
            return set()
        del mine[name]
        if not mine:
            del self._children[owner]
        return {owner}

    def known(
        self, api_version: str, kind: str, namespace: str | None
    ) -> dict[tuple[Key, ChildId], ChildState]:
        """All children of one kind, in one namespace or in all: what a new list is compared with."""
        return {
            (owner, name): state
            for owner, mine in self._children.items()
            if namespace is None or owner.namespace == namespace
            for name, state in mine.items()
            if name.kind == kind and name.api_version == api_version
        }

    def platforms_of(self, owners: Iterable[Key]) -> set[Key]:
        """The platforms whose status counts the pods of these owners."""
        found = (self._declared.get(key) for key in owners if key.kind == PIPELINE)
        return {Key(PLATFORM, each.key.namespace, each.platform) for each in found if each and each.platform}

    # Secrets

    def users_of_secret(self, namespace: str, name: str) -> set[Key]:
        """All that is planned from a Secret's values."""
        found: set[Key] = set()
        for user in self._by_secret.get((namespace, name), ()):
            found |= self.affected_by(user)
        return found

    def _link(self, declared: Declared) -> None:
        for index, place in self._places(declared):
            index.setdefault(place, set()).add(declared.key)

    def _unlink(self, declared: Declared) -> None:
        for index, place in self._places(declared):
            users = index.get(place)
            if users is not None:
                users.discard(declared.key)
                if not users:
                    del index[place]

    def _places(self, declared: Declared) -> Iterator[tuple[dict[Place, set[Key]], Place]]:
        at = declared.key.namespace
        if declared.platform is not None:
            yield self._by_platform, (at, declared.platform)
        if declared.pool is not None:
            yield self._by_pool, (at, declared.pool)
        for secret in declared.secrets:
            yield self._by_secret, (at, secret)

    def _bury(self, uid: str, version: int) -> None:
        self._gone[uid] = version
        while len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)

    def _outlived(self, uid: str, version: int) -> bool:
        return version <= self._gone.get(uid, -1)
