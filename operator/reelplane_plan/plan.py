"""``plan(desired, facts) -> Plan``: the one function that decides what runs. Pure, so a plan is a value.

It chooses the platform and its pipeline, has the builders make the parts, and gathers what is wrong. Every
problem is found in one pass: a person fixes a file once, not once per mistake.
"""

from __future__ import annotations

from dataclasses import replace

from reelplane_crds.kinds import ProxyPool, VideoPipeline, VideoPlatform
from reelplane_plan.builders import api, document, proxies, stores, workers
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import Desired, Facts, Note, Plan, Problem, Workload


def plan(desired: Desired, facts: Facts) -> Plan:
    """Decide. When ``problems`` is not empty, ``workloads`` is, or is not fit to run."""
    platform, problems = _platform(desired)
    problems += _dangling(desired)
    if platform is None:
        return Plan(target=facts.target, problems=tuple(problems))
    name = platform.metadata.name
    pipeline, more = _pipeline(desired, platform)
    problems += more
    if pipeline is None:
        return Plan(platform=name, target=facts.target, problems=tuple(problems))
    pool = _pool(desired, pipeline)
    made = _make(platform, pipeline, pool, facts)
    return replace(
        made, problems=(*problems, *made.problems), notes=(*made.notes, *_unused(desired, pipeline))
    )


def _make(platform: VideoPlatform, pipeline: VideoPipeline, pool: ProxyPool | None, facts: Facts) -> Plan:
    secrets = SecretReader(facts.secrets, facts.layout)
    built = stores.build(platform, facts, secrets)
    built_pool = proxies.build(pool, facts.layout, secrets) if pool else None
    workloads: tuple[Workload, ...] = ()
    if built is not None:
        documents = document.build(
            platform, pipeline, pool=built_pool, stores=built, facts=facts, secrets=secrets
        )
        servers = tuple(server.name for server in built.workloads)
        workloads = (
            *built.workloads,
            api.workload(platform, documents.api, documents.api_files),
            workers.workload(pipeline, documents.worker, documents.worker_files, after=(*servers, "api")),
        )
    return Plan(
        platform=platform.metadata.name,
        pipeline=pipeline.metadata.name,
        target=facts.target,
        endpoint=next((each.endpoint for each in workloads if each.role == "api"), None),
        workloads=workloads,
        problems=tuple(secrets.problems),
        notes=tuple(_notes(platform, facts)),
    )


def _platform(desired: Desired) -> tuple[VideoPlatform | None, list[Problem]]:
    if len(desired.platforms) == 1:
        return desired.platforms[0], []
    if not desired.platforms:
        return None, [
            Problem("VideoPlatform", "no platform is declared", "add an object of kind VideoPlatform")
        ]
    names = ", ".join(platform.metadata.name for platform in desired.platforms)
    message = f"several platforms are declared: {names}"
    return None, [Problem("VideoPlatform", message, "plan one at a time; each may run beside the others")]


def _pipeline(desired: Desired, platform: VideoPlatform) -> tuple[VideoPipeline | None, list[Problem]]:
    """The platform's one pipeline. Several would need a queue and workers each, which this version has not."""
    name = platform.metadata.name
    ours = [pipeline for pipeline in desired.pipelines if pipeline.spec.platform == name]
    if not ours:
        fix = f"add an object of kind VideoPipeline with spec.platform: {name}"
        return None, [Problem(f"VideoPlatform/{name}", "no pipeline uses this platform", fix)]
    extra = [
        Problem(
            f"VideoPipeline/{pipeline.metadata.name}: spec.platform",
            f"platform {name!r} already has the pipeline {ours[0].metadata.name!r}, and this version runs one",
            "remove one of them, or give it a platform of its own",
            reason="PipelineNotSupported",
        )
        for pipeline in ours[1:]
    ]
    return ours[0], extra


def _pool(desired: Desired, pipeline: VideoPipeline) -> ProxyPool | None:
    wanted = pipeline.spec.workers.download.proxies
    return next((pool for pool in desired.pools if pool.metadata.name == wanted), None)


def _dangling(desired: Desired) -> list[Problem]:
    """References to objects that are not declared."""
    platforms = [platform.metadata.name for platform in desired.platforms]
    pools = [pool.metadata.name for pool in desired.pools]
    problems = []
    for pipeline in desired.pipelines:
        at = f"VideoPipeline/{pipeline.metadata.name}: spec"
        if pipeline.spec.platform not in platforms:
            problems.append(_missing(f"{at}.platform", "VideoPlatform", pipeline.spec.platform, platforms))
        wanted = pipeline.spec.workers.download.proxies
        if wanted is not None and wanted not in pools:
            problems.append(_missing(f"{at}.workers.download.proxies", "ProxyPool", wanted, pools))
    return problems


def _missing(path: str, kind: str, name: str, known: list[str]) -> Problem:
    fix = (
        f"declared are: {', '.join(sorted(known))}" if known else f"add an object of kind {kind} named {name}"
    )
    return Problem(path, f"{kind} {name!r} does not exist", fix, reason=f"{kind}NotFound")


def _notes(platform: VideoPlatform, facts: Facts) -> list[Note]:
    spec, at = platform.spec, f"VideoPlatform/{platform.metadata.name}: spec"
    notes = []
    asked_for_more = (
        "max" in spec.api.replicas.model_fields_set and spec.api.replicas.max > spec.api.replicas.min
    )
    if facts.target == "local" and asked_for_more:
        notes.append(
            Note(
                f"{at}.api.replicas.max",
                f"on one machine {spec.api.replicas.min} run; more would not serve more",
            )
        )
    if facts.target == "cluster":
        notes += [
            Note(
                f"{at}.{part}.embedded",
                "one pod with one volume: for development, not for what must not stop",
            )
            for part, embedded in (("cache", spec.cache.embedded), ("queue", spec.queue.embedded))
            if embedded
        ]
        if spec.egress.isolation == "Required":
            message = "needs nodes that allow user namespaces to containers; elsewhere every job is refused"
            notes.append(Note(f"{at}.egress.isolation", message))
    if spec.egress.isolation == "Disabled":
        notes.append(
            Note(f"{at}.egress.isolation", "the extraction process is not cut off from other ways out")
        )
    return notes


def _unused(desired: Desired, pipeline: VideoPipeline) -> list[Note]:
    used = pipeline.spec.workers.download.proxies
    return [
        Note(f"ProxyPool/{pool.metadata.name}", "no pipeline uses this pool")
        for pool in desired.pools
        if pool.metadata.name != used
    ]
