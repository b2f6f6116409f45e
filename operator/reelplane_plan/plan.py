"""``plan(desired, facts) -> Plan``: the one function that decides what runs. Pure, so a plan is a value.

It chooses the platform and its pipeline, has the builders make the parts, and gathers what is wrong. Every
problem is found in one pass: a person fixes a file once, not once per mistake.
"""

from __future__ import annotations

from dataclasses import replace

from reelplane_crds.kinds import ProxyPool, VideoPipeline, VideoPlatform
from reelplane_plan.builders import (
    api,
    document,
    notes,
    proxies,
    reach,
    route,
    settings,
    stores,
    workers,
)
from reelplane_plan.builders.document import Documents
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import Desired, Facts, Plan, Problem, Workload


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
        made,
        problems=(*problems, *made.problems),
        notes=(*made.notes, *notes.unused(desired, pipeline), *notes.regions(desired, facts)),
    )


def _make(platform: VideoPlatform, pipeline: VideoPipeline, pool: ProxyPool | None, facts: Facts) -> Plan:
    secrets = SecretReader(facts)
    built = stores.build(platform, facts, secrets)
    built_pool = proxies.build(pool, facts.layout, secrets) if pool else None
    public, problems = route.build(platform, facts)
    workloads: tuple[Workload, ...] = ()
    names: tuple[str, ...] = ()
    if built is not None:
        documents = document.build(
            platform,
            pipeline,
            pool=built_pool,
            stores=built,
            facts=facts,
            secrets=secrets,
            public_url=public.url if public else None,
        )
        workloads = _workloads(platform, pipeline, facts, built.workloads, documents)
        if facts.target == "cluster":
            workloads, names = _reaching(workloads)
    return Plan(
        platform=platform.metadata.name,
        pipeline=pipeline.metadata.name,
        target=facts.target,
        endpoint=next((each.endpoint for each in workloads if each.role == "api"), None),
        route=public,
        cluster=settings.build(platform, facts),
        workloads=workloads,
        problems=(*secrets.problems, *problems),
        notes=tuple(notes.build(platform, pipeline, facts, names)),
    )


def _workloads(
    platform: VideoPlatform,
    pipeline: VideoPipeline,
    facts: Facts,
    servers: tuple[Workload, ...],
    documents: Documents,
) -> tuple[Workload, ...]:
    after = (*(server.name for server in servers), "api")
    serving = api.workload(platform, facts, documents.api, documents.api_files)
    fetching = workers.workload(
        platform, pipeline, facts, documents.worker, documents.worker_files, after=after
    )
    tried = facts.extractor.canary if facts.target == "cluster" and not pipeline.spec.drain else None
    return (*servers, serving, fetching, *((workers.canary(fetching, tried),) if tried else ()))


def _reaching(workloads: tuple[Workload, ...]) -> tuple[tuple[Workload, ...], tuple[str, ...]]:
    """The workloads with what each may reach, and the host names that no policy can tell apart."""
    servers = [each for each in workloads if each.role == "store"]
    made: list[Workload] = []
    names: list[str] = []
    for each in workloads:
        if each.config is not None:
            found = reach.build(each.config.document, servers)
            names += found.names
            made.append(replace(each, reach=found.reach))
        else:
            made.append(each)
    return tuple(made), tuple(dict.fromkeys(names))


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
        return None, [
            Problem(f"VideoPlatform/{name}", "no pipeline uses this platform", fix, reason="NoPipeline")
        ]
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
