"""From what was observed to a plan: the objects of one platform as typed values, the facts, and what they make.

    world ──► gather: platform, its pipelines (oldest first), their pools ──► plan ──► children by owner, and problems

A platform and its pipelines are planned together, whichever of them the reconcile is about: they share documents.
Everything here is pure; the values of Secrets come in as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from pydantic import ValidationError

from reelplane_crds.explain import findings
from reelplane_crds.kinds import API_VERSION, ProxyPool, Resource, VideoPipeline, VideoPlatform
from reelplane_operator.reconcile.children import Made, Wanted
from reelplane_operator.reconcile.children import make as owned_children
from reelplane_operator.reconcile.keys import PIPELINE, POOL, ChildId, Key
from reelplane_operator.reconcile.observed import Declared
from reelplane_operator.reconcile.world import World
from reelplane_plan.builders import proxies
from reelplane_plan.layout import CLUSTER
from reelplane_plan.plan import plan
from reelplane_plan.render.manifests import children
from reelplane_plan.render.manifests.child import Child, Manifest
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import Desired, Endpoint, ExtractorStage, Facts, Images, Note, Problem, SecretText

R = TypeVar("R", bound=Resource)

Secrets = Mapping[str, Mapping[str, SecretText]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was observed of the cluster itself, and what the operator is configured with."""

    images: Images = field(default_factory=Images)
    apis: frozenset[str] = frozenset()
    priority_classes: bool = False
    gpu_resources: frozenset[str] | None = None
    """Extended resources that some node offers; None: nodes cannot be looked at."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The objects of one platform. ``pipelines`` are oldest first; the first is the one that runs."""

    platform: Declared | None
    pipelines: tuple[Declared, ...] = ()
    pools: tuple[Declared, ...] = ()

    @property
    def members(self) -> tuple[Declared, ...]:
        return (*((self.platform,) if self.platform else ()), *self.pipelines, *self.pools)

    @property
    def idle(self) -> bool:
        """Whether no worker is to run, as the pipeline is drained or there is none."""
        return not self.pipelines or bool(self.pipelines[0].spec.get("drain"))

    @property
    def running(self) -> frozenset[str]:
        """Subjects that must be free of problems for the plan to be carried out."""
        first = self.pipelines[0] if self.pipelines else None
        found = [
            self.platform,
            first,
            *(pool for pool in self.pools if first and pool.key.name == first.pool),
        ]
        return frozenset(each.key.subject for each in found if each)

    @property
    def secrets(self) -> frozenset[str]:
        """Names of all Secrets whose values the plan may need."""
        return frozenset(name for each in self.members for name in each.secrets)

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal when nothing of it that a plan depends on has changed."""
        return tuple((each.uid, each.generation) for each in self.members)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan came to. ``problems`` are by subject, ``VideoPlatform/reels``."""

    endpoint: Endpoint | None = None
    """Where the API is reached inside the cluster."""
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    blocked: bool = False
    """Whether a problem keeps the whole plan from being carried out."""
    wanted: Mapping[Key, tuple[Wanted, ...]] = field(default_factory=dict)
    """Children by owner, in the order in which they may be applied."""
    manifests: Mapping[Key, Mapping[ChildId, Manifest]] = field(default_factory=dict)
    """Their manifests, Secrets' values among them; empty in what is kept for long."""
    notes: tuple[Note, ...] = ()
    """What a person should know who looks at the plan before it is carried out; empty alike."""

    def of(self, owner: Key) -> tuple[Problem, ...]:
        """Problems of the object itself."""
        return self.problems.get(owner.subject, ())

    def beside(self, owner: Key, running: frozenset[str]) -> tuple[Problem, ...]:
        """Problems of what it is planned together with, if they keep it waiting."""
        others = sorted(running | {PIPELINE}) if self.blocked else ()
        return tuple(
            problem for name in others if name != owner.subject for problem in self.problems.get(name, ())
        )


def gather(world: World, platform: Key) -> Gathered:
    """What belongs to a platform. An object that is being deleted does not count any more."""
    found = world.declared(platform)
    pipelines = tuple(each for each in world.pipelines_of(platform) if not each.deleting)
    names = {each.pool for each in pipelines if each.pool}
    pools = (world.declared(Key(POOL, platform.namespace, name)) for name in sorted(names))
    return Gathered(
        found if found and not found.deleting else None,
        pipelines,
        tuple(pool for pool in pools if pool and not pool.deleting),
    )


def make(
    gathered: Gathered, surroundings: Surroundings, secrets: Secrets, stage: ExtractorStage, namespace: str
) -> Planned:
    """Plan a platform. Objects that cannot be read become problems of their own and are left out."""
    problems: list[Problem] = []
    if gathered.platform and not gathered.pipelines:
        # The usual order of things in a file: nothing is wrong, the other half is on its way.
        fix = f"add an object of kind VideoPipeline with spec.platform: {gathered.platform.key.name}"
        missing = Problem(PIPELINE, "none uses this platform yet", fix, reason="NoPipeline")
        return Planned(problems={PIPELINE: (missing,)}, blocked=True)
    objects = Desired(
        platforms=_typed(VideoPlatform, (gathered.platform,) if gathered.platform else (), problems),
        pipelines=_typed(VideoPipeline, gathered.pipelines, problems),
        pools=_typed(ProxyPool, gathered.pools, problems),
    )
    facts = Facts(
        target="cluster",
        layout=CLUSTER,
        secrets=secrets,
        namespace=namespace,
        images=surroundings.images,
        apis=surroundings.apis,
        gpu=_gpu(objects, surroundings),
        priority_classes=surroundings.priority_classes,
        extractor=stage,
    )
    made = plan(objects, facts)
    by_subject: dict[str, list[Problem]] = {}
    for problem in (*problems, *made.problems):
        by_subject.setdefault(subject(problem), []).append(problem)
    blocked = not gathered.running.isdisjoint(by_subject)
    found = {} if blocked else _by_owner(children(made, facts), gathered, namespace)
    return Planned(
        endpoint=made.endpoint,
        problems={name: tuple(each) for name, each in by_subject.items()},
        blocked=blocked,
        wanted={key: each.wanted for key, each in found.items()},
        manifests={key: each.manifests for key, each in found.items()},
        notes=made.notes,
    )


def check_pool(pool: Declared, secrets: Secrets) -> tuple[Problem, ...]:
    """What is wrong with a pool by itself."""
    problems: list[Problem] = []
    reader = SecretReader(Facts(target="cluster", layout=CLUSTER, secrets=secrets))
    for typed in _typed(ProxyPool, (pool,), problems):
        proxies.build(typed, CLUSTER, reader)
    return (*problems, *reader.problems)


def subject(problem: Problem) -> str:
    """The object that a problem is about: ``VideoPipeline/shorts`` of ``VideoPipeline/shorts: spec.platform``."""
    return problem.path.partition(":")[0]


def _by_owner(found: Iterable[Child], gathered: Gathered, namespace: str) -> dict[Key, Made]:
    owners = {each.key: each for each in gathered.members}
    owned: dict[Key, list[Child]] = {}
    for child in found:
        owned.setdefault(Key(child.owner.kind, namespace, child.owner.name), []).append(child)
    return {key: owned_children(each, owners[key]) for key, each in owned.items()}


def _typed(kind: type[R], found: tuple[Declared, ...], problems: list[Problem]) -> tuple[R, ...]:
    made = []
    for each in found:
        value = {
            "apiVersion": API_VERSION,
            "kind": kind.__name__,
            "metadata": {"name": each.key.name, "namespace": each.key.namespace},
            "spec": each.spec,
        }
        try:
            made.append(kind.model_validate(value))
        except ValidationError as error:
            # Stored under another version of the CRDs: the API server has checked it against that one.
            problems += [
                Problem(f"{each.key.subject}: {_dotted(one.path)}", one.message, one.fix)
                for one in findings(kind, value, error)
            ]
    return tuple(made)


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _gpu(objects: Desired, surroundings: Surroundings) -> Literal["present", "absent", "unknown"]:
    """Whether some node offers what the pipeline's GPU workers ask for."""
    if surroundings.gpu_resources is None or not objects.pipelines:
        return "unknown"
    asked = objects.pipelines[0].spec.workers.download.gpu.resource
    return "present" if asked in surroundings.gpu_resources else "absent"
