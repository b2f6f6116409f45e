"""What the client does when the server is busy, silent, gone or not the one that was meant."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ApiError, Gone, Invalid, NotFound, TooManyRequests, Unreachable
from reelplane_operator.cluster.resources import CONFIG_MAPS
from reelplane_operator.cluster.transport import Request
from tests.operator.cluster.conftest import Misbehaving, config_map
from tests.testbed.given import Cluster as AnyCluster

MANIFEST = config_map("mine")


async def test_a_busy_server_is_asked_again_after_the_time_that_it_names(misbehaving: Misbehaving) -> None:
    busy = misbehaving.bad(429, Retry_After="0")
    misbehaving.answers = [busy, misbehaving.bad(503, Retry_After="0"), misbehaving.good(metadata={})]
    seen: list[Request] = []
    async with await Cluster.connect(misbehaving.kubeconfig, on_request=seen.append) as cluster:
        await cluster.create(MANIFEST)

    assert [(each.status, each.attempt) for each in seen] == [(429, 1), (503, 2), (200, 3)]


async def test_a_server_that_stays_busy_is_given_up_on_after_five_attempts(misbehaving: Misbehaving) -> None:
    misbehaving.answers = [misbehaving.bad(429, Retry_After="0")]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(TooManyRequests):
            await cluster.apply(MANIFEST)

    assert len(misbehaving.seen) == 5


async def test_a_long_wait_is_left_to_the_callers_queue(misbehaving: Misbehaving) -> None:
    misbehaving.answers = [misbehaving.bad(429, Retry_After="120")]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(TooManyRequests) as refused:
            await cluster.apply(MANIFEST)

    assert refused.value.retry_after == 120
    assert len(misbehaving.seen) == 1


async def test_an_error_that_names_no_time_is_not_repeated(misbehaving: Misbehaving) -> None:
    misbehaving.answers = [misbehaving.bad(503)]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(ApiError):
            await cluster.get(CONFIG_MAPS, "mine", "settings")

    assert len(misbehaving.seen) == 1


async def test_after_a_cut_connection_only_what_does_no_harm_twice_is_sent_again(
    misbehaving: Misbehaving,
) -> None:
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        misbehaving.answers = [misbehaving.cut, misbehaving.good(metadata={})]
        await cluster.apply(MANIFEST)
        assert len(misbehaving.seen) == 2

        misbehaving.seen.clear()
        await cluster.delete(CONFIG_MAPS, "mine", "settings", uid="u")
        assert len(misbehaving.seen) == 2

        misbehaving.seen.clear()
        misbehaving.answers = [misbehaving.cut]
        with pytest.raises(Unreachable):
            await cluster.create(MANIFEST)
        with pytest.raises(Unreachable):
            await cluster.merge_patch(CONFIG_MAPS, "mine", "a", {"metadata": {"resourceVersion": "1"}})
        assert len(misbehaving.seen) == 2


async def test_a_server_that_cannot_be_reached_is_named(misbehaving: Misbehaving, tmp_path: Path) -> None:
    document = yaml.safe_load(misbehaving.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:9"
    dead = tmp_path / "dead.kubeconfig"
    dead.write_text(yaml.safe_dump(document))
    async with await Cluster.connect(dead) as cluster:
        with pytest.raises(
            Unreachable, match=r"get ConfigMap mine/settings: the API server http://127\.0\.0\.1:9 "
        ):
            await cluster.get(CONFIG_MAPS, "mine", "settings")


async def test_silence_ends_after_the_time_that_the_caller_gave(misbehaving: Misbehaving) -> None:
    misbehaving.answers = [misbehaving.silence]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            await cluster.service_json("mine", "web", "http", "/v1/status", timeout=0.2)


async def test_a_closed_connection_says_so(misbehaving: Misbehaving) -> None:
    misbehaving.answers = [misbehaving.good(metadata={})]
    cluster = await Cluster.connect(misbehaving.kubeconfig)
    await cluster.close()
    with pytest.raises(Unreachable, match="closed on our side"):
        await cluster.apply(MANIFEST)


async def test_nothing_follows_a_redirect_with_our_credentials(misbehaving: Misbehaving) -> None:
    misbehaving.answers = [misbehaving.bad(307, Location="http://127.0.0.1:9/elsewhere")]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(ApiError) as refused:
            await cluster.get(CONFIG_MAPS, "mine", "settings")

    assert refused.value.status == 307


async def test_what_a_gateway_answers_instead_of_the_server_is_shown(misbehaving: Misbehaving) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(status=502, text="<h1>Bad gateway</h1>")

    misbehaving.answers = [page]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(ApiError, match="Bad gateway"):
            await cluster.get(CONFIG_MAPS, "mine", "settings")


async def test_the_hook_sees_each_attempt_and_what_it_raises_reaches_the_caller(
    misbehaving: Misbehaving,
) -> None:
    class Killed(Exception):
        pass

    def kill(_: Request) -> None:
        raise Killed

    misbehaving.answers = [misbehaving.good(metadata={})]
    async with await Cluster.connect(misbehaving.kubeconfig, on_request=kill) as cluster:
        with pytest.raises(Killed):
            await cluster.apply(MANIFEST)

    assert len(misbehaving.seen) == 1, "the write was carried out first"


@pytest.mark.parametrize("late", [False, True], ids=["as the answer", "as an event"])
async def test_a_forgotten_version_is_gone_however_the_server_says_it(
    misbehaving: Misbehaving, late: bool
) -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}

    async def answer(_: web.Request) -> web.StreamResponse:
        if not late:
            return web.json_response(status, status=410)
        return web.Response(text=json.dumps({"type": "ERROR", "object": status}) + "\n")

    misbehaving.answers = [answer]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(Gone, match="too old"):
            async with aclosing(cluster.watch(CONFIG_MAPS, "mine", "1")) as changes:
                await anext(changes)


async def test_a_watch_goes_on_from_the_last_bookmark(misbehaving: Misbehaving) -> None:
    def event(kind: str, version: str) -> str:
        item = {"metadata": {"name": "a", "resourceVersion": version}}
        return json.dumps({"type": kind, "object": item}) + "\n"

    async def first(_: web.Request) -> web.StreamResponse:
        return web.Response(text=event("ADDED", "5") + event("BOOKMARK", "9"))

    async def second(_: web.Request) -> web.StreamResponse:
        return web.Response(text=event("DELETED", "12"))

    misbehaving.answers = [first, second]
    async with (
        await Cluster.connect(misbehaving.kubeconfig) as cluster,
        aclosing(cluster.watch(CONFIG_MAPS, "mine", "3")) as changes,
    ):
        told = [(await anext(changes)).kind for _ in range(2)]

    assert told == ["ADDED", "DELETED"]
    assert [each.query["resourceVersion"] for each in misbehaving.seen] == ["3", "9"]


async def test_pages_that_took_too_long_are_read_again_all_at_once(misbehaving: Misbehaving) -> None:
    def page(name: str, **metadata: str) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": "7", **metadata}, "items": [{"metadata": {"name": name}}]}

    misbehaving.answers = [
        misbehaving.good(**page("a", **{"continue": "token"})),
        misbehaving.bad(410),
        misbehaving.good(**page("b")),
    ]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        found = await cluster.list(CONFIG_MAPS, "mine")

    assert [each["metadata"]["name"] for each in found] == ["b"]


@pytest.mark.cluster
async def test_a_server_with_another_certificate_is_not_spoken_to(
    api_cluster: AnyCluster, misbehaving: Misbehaving, tmp_path: Path
) -> None:
    document = yaml.safe_load(api_cluster.kubeconfig.read_text())
    for field in ("certificate-authority-data", "certificate-authority"):
        document["clusters"][0]["cluster"].pop(field, None)
    untrusting = tmp_path / "untrusting.kubeconfig"
    untrusting.write_text(yaml.safe_dump(document))
    async with await Cluster.connect(untrusting) as cluster:
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await cluster.server_version()


async def test_what_a_service_answers_is_never_taken_for_the_api_servers_word(
    misbehaving: Misbehaving,
) -> None:
    async def text(_: web.Request) -> web.StreamResponse:
        return web.Response(text="hello")

    misbehaving.answers = [misbehaving.good(queue={"backlog": 3}), text, misbehaving.bad(404)]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        assert await cluster.service_json("mine", "web", "http", "/v1/status") == {"queue": {"backlog": 3}}
        with pytest.raises(ApiError, match="not a JSON object"):
            await cluster.service_json("mine", "web", "http", "/v1/status")
        with pytest.raises(NotFound) as missing:
            await cluster.service_json("mine", "web", "http", "/v1/status")

    assert "CustomResourceDefinition" not in str(missing.value)
    path = "/api/v1/namespaces/mine/services/web:http/proxy/v1/status"
    assert {each.path for each in misbehaving.seen} == {path}


async def test_a_schema_that_lacks_a_field_makes_the_object_invalid(misbehaving: Misbehaving) -> None:
    """Server-side apply reports it as an internal error; trying again would never help."""
    message = (
        "failed to create typed patch object (mine/web; apps/v1, Kind=Deployment): errors:\n"
        '  .spec.template.spec.containers[name="a:b"].imagge: field not declared in schema\n'
        "  .spec.replicas: expected numeric (int or float), got string"
    )

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": 500, "message": message}, status=500)

    misbehaving.answers = [answer]
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        with pytest.raises(Invalid) as refused:
            await cluster.apply(MANIFEST)

    fields = [each.field for each in refused.value.causes]
    assert fields == ['.spec.template.spec.containers[name="a:b"].imagge', ".spec.replicas"]
