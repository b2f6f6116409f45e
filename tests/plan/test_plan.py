"""What the planner promises: everything resolved, every mistake found in one pass, no secret shown."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelplane_crds.runtime import FolderObjects, RuntimeDocument, S3Objects
from reelplane_plan.plan import plan
from reelplane_plan.types import Desired, Plan, SecretText, Workload


def document(made: Plan, role: str) -> RuntimeDocument:
    return workload(made, role).config.document  # type: ignore[union-attr]


def workload(made: Plan, role: str) -> Workload:
    return next(each for each in made.workloads if each.role == role)


def problems(made: Plan) -> dict[str, str]:
    return {problem.path: f"{problem.reason}: {problem.message}; {problem.fix}" for problem in made.problems}


def test_two_small_objects_are_a_whole_platform(plan_text, resources):
    made = plan_text(resources())
    assert made.problems == ()
    assert [each.name for each in made.workloads] == ["valkey", "api", "download"]
    assert made.endpoint.port == 8080
    assert workload(made, "api").scale.replicas == 2
    assert workload(made, "worker").policy.after == ("valkey", "api")


def test_every_field_of_the_pipeline_reaches_the_worker_that_honours_it(plan_text, resources):
    pipeline = """
      sources: {url: {maxSize: 1Gi, maxDuration: 20m, maxHeight: 720, playlistItems: 7}},
      workers: {download: {min: 0, max: 9, queueLengthPerWorker: 3, concurrency: 4, jobTimeout: 5m, maxAttempts: 2,
                           drainTimeout: 45s}},
      extraction: {concurrentFragments: 8, chunkSize: 5Mi, bufferSize: 32Ki, retries: 1, fragmentRetries: 2,
                   socketTimeout: 7s, impersonate: false},
      retention: {media: 48h, jobs: 2h, info: 30m, failures: 5s}
    """
    made = plan_text(resources(pipeline=pipeline))
    worker = document(made, "worker")
    assert worker.sources.model_dump() == {
        "max_size": 2**30,
        "max_duration": 1200,
        "max_height": 720,
        "playlist_items": 7,
    }
    assert (worker.worker.concurrency, worker.worker.job_timeout) == (4, 300)
    assert (worker.worker.max_attempts, worker.worker.drain_timeout) == (2, 45)
    extractor = worker.extractor.model_dump(exclude={"path", "version", "cookies_dir"})
    assert list(extractor.values()) == [8, 5 * 2**20, 32 * 2**10, 1, 2, 7, False]
    assert list(worker.retention.model_dump().values()) == [48 * 3600, 7200, 1800, 5]
    rule = workload(made, "worker").scale.rule
    assert (rule.minimum, rule.maximum, rule.queue_length_per_worker) == (0, 9, 3)
    assert workload(made, "worker").policy.grace > 45, (
        "a draining worker is not killed before its own timeout"
    )


def test_every_field_of_the_api_reaches_its_document(plan_text, resources, secret):
    platform = """
      api: {replicas: {min: 3}, port: 9000, rateLimits: {info: 5/s, download: 7/h}, trustedProxies: [10.0.0.0/8],
            anonymous: false, apiKeysFrom: {secret: keys, key: list}, mediaUrlTTL: 2h, mediaDelivery: Stream,
            infoWait: 9s}
    """
    made = plan_text(resources(platform, extra=secret("keys", "list: 'mobile 00ff'")))
    api = document(made, "api").api
    assert (api.info_rate.count, api.info_rate.per, api.download_rate.count, api.download_rate.per) == (
        5,
        1,
        7,
        3600,
    )
    assert (api.trusted_proxies, api.anonymous, api.media_url_ttl) == (("10.0.0.0/8",), False, 7200)
    assert (api.media_delivery, api.info_wait) == ("stream", 9)
    assert api.api_keys_file == Path("/state/reels/secrets/api-keys")
    assert (made.endpoint.port, workload(made, "api").scale.replicas) == (9000, 3)


def test_egress_is_the_platforms_and_private_origins_are_open_only_when_allowed(plan_text, resources):
    assert document(plan_text(resources()), "worker").egress.allow == ()
    platform = (
        "egress: {allow: [{cidr: 127.0.0.0/8, port: 8000}, {host: media.internal}], isolation: Required}"
    )
    egress = document(plan_text(resources(platform)), "worker").egress
    assert [(each.cidr, each.host, each.port) for each in egress.allow] == [
        ("127.0.0.0/8", None, 8000),
        (None, "media.internal", None),
    ]
    assert egress.isolation == "required"


def test_on_one_machine_one_valkey_plays_cache_and_queue_and_evicts_only_what_may_go(plan_text, resources):
    made = plan_text(resources("cache: {embedded: {memory: 64Mi}}"))
    (server,) = [each.server for each in made.workloads if each.server]
    assert (server.parts, server.eviction, server.durable) == (("cache", "queue"), "volatile-lfu", True)
    assert server.memory > 64 * 2**20
    stores = document(made, "api").stores
    assert stores.cache == stores.queue
    assert stores.cache.url == "unix:///run/rp/valkey.sock"
    assert stores.database.url == "sqlite:////state/reels/reelplane.db"
    assert isinstance(stores.objects, FolderObjects)


def test_a_queue_of_ones_own_never_evicts_and_a_cache_of_ones_own_may_lose_anything(
    plan_text, resources, secret
):
    url = secret("far", "url: 'redis://cache.example:6379/1'")
    made = plan_text(resources("cache: {external: {urlFrom: {secret: far, key: url}}}", extra=url))
    (queue,) = [each.server for each in made.workloads if each.server]
    assert (queue.eviction, queue.durable) == ("noeviction", True)
    made = plan_text(resources("queue: {external: {urlFrom: {secret: far, key: url}}}", extra=url))
    (cache,) = [each.server for each in made.workloads if each.server]
    assert (cache.eviction, cache.durable) == ("allkeys-lfu", False)


def test_a_password_goes_into_a_file_and_never_into_a_document_or_a_printed_plan(plan_text, shared, secret):
    keys = secret("s3", "access: AKIATEST, key: verysecretkey")
    s3 = "accessKeyFrom: {secret: s3, key: access}, secretKeyFrom: {secret: s3, key: key}"
    text = shared(extra=keys).replace("region: us-west-2", f"region: us-west-2, {s3}")
    made = plan_text(text, target="cluster")
    assert made.problems == ()
    stores = document(made, "worker").stores
    assert stores.database.url == "postgresql://app@db.example:5432/reels"
    assert stores.database.password_file == Path("/etc/reelplane/secrets/database-password")
    assert isinstance(stores.objects, S3Objects)
    files = {file.name: file.content.value for file in workload(made, "worker").config.secrets}
    assert files == {
        "database-password": "pa@ss",
        "s3-access-key": "AKIATEST",
        "s3-secret-key": "verysecretkey",
    }
    shown = repr(made) + document(made, "worker").dump() + document(made, "api").dump()
    assert not any(value in shown for value in ("pa@ss", "pa%40ss", "AKIATEST", "verysecretkey"))


def test_a_pool_from_a_secret_keeps_its_logins_in_files_and_tells_sessions_of_one_host_apart(
    plan_text, resources, secret
):
    lines = "http://u:p@proxy.example:3128\\n# spare\\n\\nhttp://u2:p2@proxy.example:3128\\nsocks5://10.0.0.9:1080"
    pool = """
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: residential}
spec: {endpointsFrom: {secret: proxies, key: list}, country: DE, rotation: {banFor: 5m, maxFailures: 2}}
---
"""
    made = plan_text(
        resources(
            pipeline="workers: {download: {proxies: residential}}",
            extra=pool + secret("proxies", f'list: "{lines}"'),
        )
    )
    assert made.problems == ()
    proxies = document(made, "worker").egress.proxies
    assert [(each.name, each.url) for each in proxies.endpoints] == [
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example:3128#2", "http://proxy.example:3128"),
        ("10.0.0.9:1080", "socks5://10.0.0.9:1080"),
    ]
    assert (proxies.country, proxies.ban_for, proxies.max_failures) == ("DE", 300, 2)
    files = {file.name: file.content.value for file in workload(made, "worker").config.secrets}
    assert files == {"proxy-0": "u:p", "proxy-1": "u2:p2"}
    api = document(made, "api").egress.proxies
    assert (api.country, api.endpoints) == ("DE", ()), "the API keys by country and knows no proxy"


def test_a_line_of_a_pool_that_is_no_proxy_is_a_problem_that_does_not_quote_it(plan_text, resources, secret):
    pool = """
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: residential}
spec: {endpointsFrom: {secret: proxies, key: list}}
---
"""
    text = resources(
        pipeline="workers: {download: {proxies: residential}}",
        extra=pool + secret("proxies", "list: 'user:hunter2@proxy'"),
    )
    (problem,) = plan_text(text).problems
    assert "line 1 of key 'list'" in problem.message
    assert "hunter2" not in str(problem)


def test_a_url_that_no_schema_catches_is_a_problem_and_never_ends_the_planner(plan_text, shared):
    pool = """
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: homes}
spec: {endpoints: [{name: a, url: 'http://h:99999'}], healthCheck: {url: 'http://[a/'}}
---
"""
    text = shared(pipeline="workers: {download: {proxies: homes}}", extra=pool)
    text = text.replace("region: us-west-2", "region: us-west-2, endpoint: 'http://['")
    for target in ("local", "cluster"):
        assert problems(plan_text(text, target=target)).keys() == {
            "ProxyPool/homes: spec.endpoints[0].url",
            "ProxyPool/homes: spec.healthCheck.url",
            "VideoPlatform/reels: spec.objects.s3.endpoint",
        }


def test_cookies_are_files_by_site_for_the_worker_only(plan_text, resources, secret):
    cookies = secret("jar", "example.com: '# Netscape'")
    made = plan_text(resources("extractor: {cookiesFrom: {secret: jar}}", extra=cookies))
    assert [file.name for file in workload(made, "worker").config.secrets] == ["cookies/example.com.txt"]
    assert document(made, "worker").extractor.cookies_dir == Path("/state/reels/secrets/cookies")
    assert not any(file.name.startswith("cookies") for file in workload(made, "api").config.secrets)


def test_all_mistakes_are_found_in_one_pass_each_with_its_path_and_a_way_out(plan_text, resources):
    platform = """
      api: {apiKeysFrom: {secret: nowhere, key: keys}},
      queue: {external: {urlFrom: {secret: urls, key: missing}}},
      database: {postgres: {urlFrom: {secret: urls, key: wrong}}}
    """
    urls = "apiVersion: v1\nkind: Secret\nmetadata: {name: urls}\nstringData: {wrong: 'mysql://x/y'}\n---\n"
    made = plan_text(resources(platform, "workers: {download: {proxies: nobody}}", urls))
    found = problems(made)
    assert found.keys() == {
        "VideoPlatform/reels: spec.queue.external.urlFrom",
        "VideoPlatform/reels: spec.database.postgres.urlFrom",
        "VideoPipeline/shorts: spec.workers.download.proxies",
    }
    assert (
        "has no key 'missing'; its keys are: wrong"
        in found["VideoPlatform/reels: spec.queue.external.urlFrom"]
    )
    assert "postgresql://" in found["VideoPlatform/reels: spec.database.postgres.urlFrom"]
    assert "ProxyPoolNotFound" in found["VideoPipeline/shorts: spec.workers.download.proxies"]


def test_a_pipeline_of_a_platform_that_is_not_declared_is_a_problem_that_names_the_declared_ones(
    plan_text, resources
):
    text = resources() + resources().partition("---")[2].replace("shorts", "lost").replace(
        "platform: reels", "platform: x"
    )
    found = problems(plan_text(text))
    assert found == {
        "VideoPipeline/lost: spec.platform": "VideoPlatformNotFound: VideoPlatform 'x' does not exist; "
        "declared are: reels"
    }


def test_a_second_pipeline_of_a_platform_is_refused_since_one_is_honoured(plan_text, resources):
    text = resources() + resources().partition("---")[2].replace("shorts", "longs")
    (problem,) = plan_text(text).problems
    assert problem.path == "VideoPipeline/longs: spec.platform"
    assert "this version runs one" in problem.message


def test_no_platform_or_several_or_none_that_is_used_is_said_plainly(facts, resources, plan_text):
    assert "no platform is declared" in plan(Desired(), facts()).problems[0].message
    several = plan_text(resources() + resources().partition("---")[0].replace("reels", "clips"))
    assert "several platforms are declared: reels, clips" in several.problems[0].message
    assert "no pipeline uses" in plan_text(resources().partition("---")[0]).problems[0].message


def test_what_pods_cannot_share_is_a_server_of_its_own_on_a_cluster_with_a_password_in_no_document(
    plan_text, resources
):
    made = plan_text(resources(), target="cluster")
    assert made.problems == ()
    assert [each.name for each in made.workloads] == [
        *("cache", "queue", "database", "objects"),
        *("api", "download"),
    ]
    stores = document(made, "worker").stores
    assert stores.database.url == "postgresql://reelplane@reels-database:5432/reelplane"
    assert stores.database.password_file == Path("/etc/reelplane/secrets/database-password")
    assert (stores.objects.endpoint, stores.objects.bucket) == ("http://reels-objects:9000", "media")
    generated = {file.name for file in made.secrets if file.content is None}
    assert generated == {"database-password", "s3-access-key", "s3-secret-key", "signing-key"}
    assert {"database.embedded", "objects.embedded"} <= {
        note.path.rpartition("spec.")[2] for note in made.notes
    }


def test_media_of_a_server_inside_the_cluster_passes_through_the_api_and_a_note_says_so(plan_text, resources):
    made = plan_text(resources("api: {mediaDelivery: Redirect}"), target="cluster")
    assert document(made, "api").api.media_delivery == "stream"
    assert any("browsers cannot reach" in note.message for note in made.notes)
    assert document(plan_text(resources()), "api").api.media_delivery == "redirect"


def test_on_a_cluster_cache_and_queue_are_pods_of_their_own(plan_text, shared):
    made = plan_text(shared(), target="cluster")
    assert made.problems == ()
    stores = document(made, "api").stores
    assert (stores.cache.url, stores.queue.url) == (
        "redis://reels-cache:6379/0",
        "redis://reels-queue:6379/0",
    )


def test_a_second_pipeline_is_refused_and_the_first_is_planned_all_the_same(plan_text, resources):
    second = resources().partition("---")[2].replace("shorts", "longs")
    made = plan_text(resources() + second)
    assert [(problem.reason, problem.path) for problem in made.problems] == [
        ("PipelineNotSupported", "VideoPipeline/longs: spec.platform")
    ]
    assert {each.name for each in made.workloads} == {"valkey", "api", "download"}


def test_jobs_of_a_worker_that_goes_may_end_on_a_cluster_and_do_not_keep_a_person_waiting_here(
    plan_text, shared
):
    text = shared(pipeline="workers: {download: {jobTimeout: 30m}}")
    for target, seconds in (("local", 20), ("cluster", 1800)):
        made = plan_text(text, target=target)
        assert document(made, "worker").worker.drain_timeout == seconds
        assert workload(made, "worker").policy.grace > seconds
    said = shared(pipeline="workers: {download: {jobTimeout: 30m, drainTimeout: 45s}}")
    assert document(plan_text(said, target="cluster"), "worker").worker.drain_timeout == 45


def test_what_is_about_clusters_is_named_where_it_has_no_effect(plan_text, resources):
    region = """
apiVersion: reelplane.io/v1alpha1
kind: RegionDeployment
metadata: {name: us-west-2}
spec: {platform: reels, region: us-west-2, cluster: {inCluster: {}}}
"""
    text = resources("domain: reels.example.com, extractor: {version: 2026.10.26}", extra=region)
    paths = {note.path for note in plan_text(text).notes}
    assert paths == {
        "VideoPlatform/reels: spec.domain",
        "VideoPlatform/reels: spec.extractor.version",
        "RegionDeployment/us-west-2",
    }


def test_planning_is_deterministic_and_every_document_reads_back_as_it_was_written(
    plan_text, shared, tmp_path
):
    text = shared("egress: {isolation: Disabled}", "workers: {download: {max: 9}}")
    for target in ("local", "cluster"):
        made = plan_text(text, target=target)
        assert made == plan_text(text, target=target)
        for each in made.workloads:
            if each.config:
                path = tmp_path / "document.json"
                path.write_text(each.config.document.dump())
                assert RuntimeDocument.load(path) == each.config.document


@st.composite
def specs(draw):
    """Platform and pipeline specs with numbers anywhere within their bounds."""
    low, high = sorted((draw(st.integers(0, 1000)), draw(st.integers(1, 1000))))
    seconds = draw(st.integers(1, 3600))
    workers = f"min: {low}, max: {high}, concurrency: {draw(st.integers(1, 50))}, drainTimeout: {seconds}s"
    source = f"maxSize: {draw(st.integers(1, 100))}Mi, maxHeight: {draw(st.integers(144, 4320))}"
    return (
        f"api: {{port: {draw(st.integers(1, 65535))}}}",
        f"sources: {{url: {{{source}}}}}, retention: {{failures: {seconds}s}}, workers: {{download: {{{workers}}}}}",
    )


@given(written=specs())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_whatever_valid_numbers_are_declared_the_documents_are_valid(plan_text, resources, written):
    made = plan_text(resources(*written))
    assert made.problems == ()
    for role in ("api", "worker"):
        assert RuntimeDocument.model_validate_json(document(made, role).dump()) == document(made, role)


def test_a_secret_in_a_plan_cannot_be_printed():
    assert "hunter2" not in f"{SecretText('hunter2')!r} {SecretText('hunter2')!s}"
