"""Which children are written, and which are left: decided from what is there, what is wanted and what was recorded."""

from __future__ import annotations

from typing import Any

from reelplane_operator.reconcile import observed
from reelplane_operator.reconcile.actions import (
    Actions,
    decide,
    read_inventory,
    recorded,
    write_inventory,
)
from reelplane_operator.reconcile.children import make
from reelplane_operator.reconcile.keys import ChildId
from reelplane_operator.reconcile.observed import ChildState, Declared
from reelplane_plan.render.manifests.child import Child, OwnerRef
from tests.operator.reconcile.objects import child, resource

NAME = ChildId("v1", "ConfigMap", "reels-api")


def _owner(**spec: Any) -> Declared:
    return observed.declared(resource("VideoPlatform", "reels", **spec))


def _live(**changes: Any) -> dict[ChildId, ChildState]:
    state = observed.child(
        child("VideoPlatform.reels", "ConfigMap", "reels-api", **{"owner_uid": "uid-reels", **changes})
    )
    assert state is not None
    return {NAME: state}


def _manifest(data: str = "a", generate: dict[str, int] | None = None) -> Child:
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "reels-api", "labels": {}},
        "data": {"x": data},
    }
    return Child(OwnerRef("VideoPlatform", "reels"), manifest, generate or {})


def _decide(
    children: list[Child], live: dict[ChildId, ChildState], inventory: dict[ChildId, str], owner: Declared
) -> Actions:
    return decide(make(children, owner).wanted, live, inventory, owner)


def _settled(owner: Declared, live: dict[ChildId, ChildState], made: Child) -> dict[ChildId, str]:
    return {NAME: recorded(make([made], owner).wanted[0], live[NAME])}


def test_nothing_is_done_about_a_child_that_is_as_recorded() -> None:
    owner, live = _owner(), _live()
    assert len(_decide([_manifest()], live, _settled(owner, live, _manifest()), owner)) == 0


def test_why_a_child_is_applied() -> None:
    owner, live = _owner(), _live()
    inventory = _settled(owner, live, _manifest())
    assert _decide([_manifest()], {}, inventory, owner).apply[0].why == "new"
    assert _decide([_manifest("b")], live, inventory, owner).apply[0].why == "changed"
    tampered = _live(fields={"f:other": {}})
    assert _decide([_manifest()], tampered, inventory, owner).apply[0].why == "drifted"
    reborn = observed.declared(resource("VideoPlatform", "reels", uid="another"))
    assert _decide([_manifest()], live, inventory, reborn).apply


def test_only_what_is_ours_beyond_doubt_is_pruned() -> None:
    owner = _owner()
    assert _decide([], _live(), {}, owner).prune
    assert not _decide([], _live(owner_uid="another"), {NAME: "x"}, owner).prune
    assert not _decide([], _live(owner_uid=None), {}, owner).prune
    assert _decide([], _live(owner_uid=None), {NAME: "x"}, owner).prune
    assert _decide([], _live(owner_uid=None), {}, _owner(deletionPolicy="Orphan")).prune


def test_a_child_that_opted_out_is_neither_applied_nor_pruned() -> None:
    owner, live = _owner(), _live(opt_out=True)
    for children in ([], [_manifest("b")]):
        actions = _decide(children, live, {NAME: "x"}, owner)
        assert len(actions) == 0
        assert actions.left == (NAME,)


def test_generated_secrets_are_made_once_and_never_pruned() -> None:
    owner, live = _owner(), _live(generated=True)
    made = _manifest(generate={"key": 32})
    assert _decide([made], {}, {}, owner).keep
    assert len(_decide([made], live, _settled(owner, live, made), owner)) == 0
    assert not _decide([], live, {NAME: "x"}, owner).prune


def test_orphans_carry_no_owner_and_lose_the_one_they_had() -> None:
    owner, live = _owner(deletionPolicy="Orphan"), _live()
    made = make([_manifest()], owner)
    assert "ownerReferences" not in made.manifests[NAME]["metadata"]
    assert _decide([_manifest()], live, {NAME: recorded(made.wanted[0], live[NAME])}, owner).apply


def test_the_least_number_of_pods_is_the_autoscalers() -> None:
    def manifest(kind: str, name: str, **spec: Any) -> Child:
        made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": {}}, "spec": spec}
        return Child(OwnerRef("VideoPlatform", "reels"), made)

    def target(name: str) -> dict[str, Any]:
        return {"scaleTargetRef": {"kind": "Deployment", "name": name}}

    children = [
        manifest("Deployment", "fixed", replicas=3),
        manifest("Deployment", "default"),
        manifest("Deployment", "by-hpa"),
        manifest("Deployment", "by-keda"),
        manifest("HorizontalPodAutoscaler", "by-hpa", minReplicas=2, **target("by-hpa")),
        manifest("ScaledObject", "by-keda", **target("by-keda")),
    ]
    least = {each.id.name: each.least for each in make(children, _owner()).wanted if each.least is not None}
    assert least == {"fixed": 3, "default": 1, "by-hpa": 2, "by-keda": 0}


def test_the_inventory_survives_the_status() -> None:
    inventory = {NAME: "a-b", ChildId("apps/v1", "Deployment", "reels-api"): "c-d"}
    assert read_inventory({"inventory": write_inventory(inventory)}) == inventory
