"""From files and a cluster to what the operator would want: the same objects, facts and planner, one step ahead.

    files ──────────────┐  three-way, as `kubectl apply` merges
    objects in cluster ─┴─► World ──gather──► make (plan, pure) ──► children, with their owners

What the files do not hold (the platform of a pipeline, a pool, the values of Secrets) is taken from the cluster.
Only platforms that the files have a bearing on are planned.
"""

# ruff: noqa: PLC0415 - the operator's modules are there only with the extra

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelplane_cli.cluster.objects import OPERATOR, OPERATOR_NAMESPACE, Json, annotated, name_of, spec
from reelplane_cli.cluster.session import Session
from reelplane_cli.errors import Failure
from reelplane_cli.exits import WRONG_INPUT
from reelplane_cli.files import load, placed
from reelplane_crds.kinds import API_VERSION, KINDS, Secret
from reelplane_crds.kinds.common import Resource
from reelplane_crds.load import Documents
from reelplane_plan.types import Images, Note, SecretText

if TYPE_CHECKING:
    from reelplane_operator.reconcile.children import Wanted
    from reelplane_operator.reconcile.desired import Gathered, Planned, Surroundings
    from reelplane_operator.reconcile.keys import ChildId
    from reelplane_operator.reconcile.observed import Declared

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KEPT = ("drain",)
"""Fields of a spec that a command sets and files leave out: `apply` of the file does not take them back."""
_NEW = {"uid": "", "resourceVersion": "0", "creationTimestamp": "9999-12-31T23:59:59Z"}
"""Bookkeeping of an object that does not exist yet: younger than all that do, as it will be."""


@dataclass(frozen=True, slots=True)
class Owned:
    """One of our objects as it would be, and the children that it would have."""

    declared: Declared
    wanted: tuple[Wanted, ...]
    manifests: Mapping[ChildId, Json]


@dataclass(frozen=True, slots=True)
class Platform:
    """What would become of one platform."""

    name: str
    planned: Planned
    owned: tuple[Owned, ...]
    new: bool
    """Whether there is no such platform yet."""

    @property
    def notes(self) -> tuple[Note, ...]:
        return self.planned.notes


@dataclass(frozen=True, slots=True)
class Read:
    """The files, checked: typed, and as raw objects for the API server."""

    documents: Documents
    namespace: str

    @property
    def resources(self) -> tuple[Resource, ...]:
        found = self.documents
        return (*found.platforms, *found.pipelines, *found.proxy_pools, *found.regions)

    def raw(self) -> list[Json]:
        """Our objects as the files have them, each in its namespace."""
        return [_raw(each, self.namespace) for each in self.resources]


def read(files: Sequence[Path], session: Session) -> Read:
    """Read and check ``files``. Raises Failure when they are not valid or belong to several namespaces."""
    documents = load(files)
    given = Read(documents, session.namespace)
    declared: list[Resource | Secret] = [*given.resources, *documents.secrets]
    namespaces = sorted({each.metadata.namespace or session.namespace for each in declared})
    if len(namespaces) > 1:
        raise Failure(
            f"the files declare objects in {len(namespaces)} namespaces: {', '.join(namespaces)}",
            "look at one namespace at a time: give the files of one",
            code=WRONG_INPUT,
        )
    session.namespace = namespaces[0] if namespaces else session.namespace
    return Read(documents, session.namespace)


async def platforms(session: Session, given: Read) -> list[Platform]:
    """What would become of the platforms that the files concern. Raises Failure with every problem of a plan."""
    from reelplane_operator.reconcile import desired
    from reelplane_operator.reconcile.keys import PLATFORM, Key
    from reelplane_operator.reconcile.world import World

    world = World()
    live = {
        (kind.__name__, name_of(item)): item for kind in KINDS for item in await session.ours(kind.__name__)
    }
    merged = {**live}
    for item in given.raw():
        identity = (item["kind"], name_of(item))
        merged[identity] = overlaid(item, live.get(identity))
    for item in merged.values():
        world.see(item)
    around = await surroundings(session)
    found, troubles = [], []
    for name in sorted(_concerned(given, merged)):
        gathered = desired.gather(world, Key(PLATFORM, session.namespace, name))
        planned = await _plan(session, given, gathered, around)
        troubles += [
            placed(problem, given.documents) for each in planned.problems.values() for problem in each
        ]
        new = ("VideoPlatform", name) not in live
        found.append(Platform(name, planned, _owned(gathered, planned), new))
    if troubles:
        raise _failure(troubles)
    return found


def overlaid(item: Json, live: Json | None) -> Json:
    """``item`` of a file as it would be after ``kubectl apply``: over what is live, without what it had before.

    A field that the last apply set and the file no longer has goes away; one that somebody else set stays. Where
    nobody left a note of the last apply (server-side apply, GitOps), the file is taken for the whole spec.
    """
    if live is None:
        return {**item, "metadata": {**item["metadata"], **_NEW}}
    noted = annotated(live).get(_APPLIED)
    if noted:
        before = _parsed(noted).get("spec") or {}
    else:
        before = {key: value for key, value in spec(live).items() if key not in _KEPT}
    metadata = {**live["metadata"], "annotations": {**annotated(live), **annotated(item)}}
    return {**live, "metadata": metadata, "spec": _merged(spec(live), before, spec(item))}


def _merged(live: Mapping[str, Any], before: Mapping[str, Any], wanted: Mapping[str, Any]) -> Json:
    """JSON merge in three ways: lists are taken whole, as our kinds' one-of fields and lists are replaced."""
    made = {key: value for key, value in live.items() if key in wanted or key not in before}
    for key, value in wanted.items():
        old, earlier = live.get(key), before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            made[key] = _merged(old, earlier if isinstance(earlier, dict) else {}, value)
        else:
            made[key] = value
    return made


def _parsed(text: str) -> Json:
    import json

    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def _plan(session: Session, given: Read, gathered: Gathered, around: Surroundings) -> Planned:
    from reelplane_operator.reconcile import desired, extractor
    from reelplane_operator.reconcile.secrets import Secrets

    values, _ = await Secrets(session.cluster).get(session.namespace, gathered.secrets)
    values |= {
        each.metadata.name: {key: SecretText(value) for key, value in each.values.items()}
        for each in given.documents.secrets
    }
    return desired.make(gathered, around, values, _stage(gathered, extractor), session.namespace)


def _stage(gathered: Gathered, extractor: Any) -> Any:
    """The extractor's stage after the operator's first look at the new spec: a new version starts as a canary."""
    if gathered.platform is None:
        return extractor.Renewal().stage
    asked = gathered.platform.spec.get("extractor") or {}
    return extractor.begin(
        extractor.read(gathered.platform.status),
        wanted=asked.get("version"),
        first=not gathered.platform.status,
        idle=gathered.idle,
        now=time.time(),
    ).stage


def _owned(gathered: Gathered, planned: Planned) -> tuple[Owned, ...]:
    """Pools have no children."""
    owners = [each for each in gathered.members if each.key.kind != "ProxyPool"]
    return tuple(
        Owned(each, planned.wanted.get(each.key, ()), planned.manifests.get(each.key, {})) for each in owners
    )


def _concerned(given: Read, merged: Mapping[tuple[str, str], Json]) -> set[str]:
    """Names of the platforms that the files have a bearing on."""
    pipelines = [item for (kind, _), item in merged.items() if kind == "VideoPipeline"]
    pools = {each.metadata.name for each in given.documents.proxy_pools}
    secrets = {each.metadata.name for each in given.documents.secrets}
    concerned = {each.metadata.name for each in given.documents.platforms}
    concerned |= {each.spec.platform for each in given.documents.pipelines}
    for (kind, name), item in merged.items():
        if not secrets.isdisjoint(_secrets(spec(item))):
            if kind == "VideoPlatform":
                concerned.add(name)
            pools |= {name} if kind == "ProxyPool" else set()
    for pipeline in pipelines:
        if spec(pipeline).get("workers", {}).get("download", {}).get("proxies") in pools:
            concerned.add(str(spec(pipeline).get("platform")))
    return concerned


def _secrets(node: Any) -> set[str]:
    """Names of all Secrets that a spec refers to."""
    if isinstance(node, dict):
        own = {node["secret"]} if isinstance(node.get("secret"), str) else set()
        return own.union(*(_secrets(each) for each in node.values()))
    return set().union(*map(_secrets, node)) if isinstance(node, list) else set()


async def surroundings(session: Session) -> Surroundings:
    """What the cluster offers and how the operator is configured, as far as this person may look."""
    from reelplane_operator.cluster.errors import ClusterError
    from reelplane_operator.reconcile.desired import Surroundings
    from reelplane_operator.reconcile.observe import OPTIONAL, SERVING_CLASS

    served = {f"{each.group}/{each.kind}" for each in OPTIONAL if await session.cluster.serves(each)}
    nodes = await session.listed("v1", "Node")
    offered = {name for node in nodes for name in (node.get("status") or {}).get("capacity") or {}}
    try:
        classes = await session.get("scheduling.k8s.io/v1", "PriorityClass", SERVING_CLASS) is not None
        operator = await session.listed(
            "apps/v1", "Deployment", f"app.kubernetes.io/name={OPERATOR}", OPERATOR_NAMESPACE
        )
    except ClusterError:
        classes, operator = True, []
    return Surroundings(
        images=images(operator[0]) if operator else Images(),
        apis=frozenset(served),
        priority_classes=classes,
        gpu_resources=frozenset(offered) if "Node" not in session.unseen else None,
    )


def images(operator: Json) -> Images:
    """The images that an operator's Deployment is started with: ``--workloads-image=…`` and its like."""
    chosen = {}
    for container in spec(operator)["template"]["spec"]["containers"]:
        for argument in (*(container.get("command") or ()), *(container.get("args") or ())):
            name, equals, value = argument.partition("=")
            field = name.removeprefix("--").removesuffix("-image").replace("-", "_")
            if equals and name.endswith("-image") and field in Images.__dataclass_fields__:
                chosen[field] = value
    return Images(**chosen)


def _raw(resource: Resource | Secret, namespace: str) -> Json:
    item: Json = resource.model_dump(mode="json", by_alias=True, exclude_unset=True)
    metadata: Json = {"name": resource.metadata.name, "namespace": namespace}
    for field in ("labels", "annotations"):
        if given := getattr(resource.metadata, field):
            metadata[field] = dict(given)
    version = API_VERSION if isinstance(resource, Resource) else "v1"
    return {"apiVersion": version, "kind": type(resource).__name__, "metadata": metadata} | {
        key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata", "status")
    }


def _failure(troubles: list[str]) -> Failure:
    count = f"{len(troubles)} problem{'s' if len(troubles) > 1 else ''}"
    return Failure(f"{count} in the plan:\n  " + "\n  ".join(troubles), code=WRONG_INPUT)
