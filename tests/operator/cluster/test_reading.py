"""Lists, watches and questions, against a real API server."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from reelplane_operator.cluster import client, watch
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ApiError, NotFound
from reelplane_operator.cluster.resources import CONFIG_MAPS, HTTP_ROUTES, LEASES, SECRETS
from reelplane_operator.cluster.transport import Request
from reelplane_operator.cluster.watch import Kind
from tests.operator.cluster.conftest import config_map
from tests.testbed.given import Cluster as AnyCluster

pytestmark = pytest.mark.cluster


async def test_a_list_of_many_pages_is_whole_and_its_items_say_what_they_are(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_PAGE", 3)
    names = [f"c{number}" for number in range(8)]
    for name in names:
        manifest = config_map(namespace, name)
        manifest["metadata"]["labels"] = {"even": str(int(name[1:]) % 2 == 0)}
        await cluster.create(manifest)

    everything = await cluster.list(CONFIG_MAPS, namespace)
    even = await cluster.list(CONFIG_MAPS, namespace, "even=True")

    assert {each["metadata"]["name"] for each in everything} >= set(names)
    assert [each["metadata"]["name"] for each in even] == names[::2]
    assert {(each["apiVersion"], each["kind"]) for each in everything} == {("v1", "ConfigMap")}


async def test_a_watch_tells_each_change_in_order_and_goes_on_when_the_server_ends_it(
    api_cluster: AnyCluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_LENGTH", 1)
    watches = 0
    ended = asyncio.Event()

    def count(request: Request) -> None:
        nonlocal watches
        if request.verb == "watch":
            watches += 1
            ended.set()

    # Longer than any buffer between the socket and us.
    large = "x" * 900_000
    async with await Cluster.connect(api_cluster.kubeconfig, on_request=count) as cluster:
        start = (await cluster.listing(CONFIG_MAPS, namespace, "watched=yes")).resource_version
        manifest = config_map(namespace, a="1")
        manifest["metadata"]["labels"] = {"watched": "yes"}
        told = []
        async with aclosing(cluster.watch(CONFIG_MAPS, namespace, start, "watched=yes")) as changes:
            await cluster.apply(manifest)
            told.append(await anext(changes))
            waiting = asyncio.ensure_future(anext(changes))
            # Once the server has ended the first watch, the change below comes by the second.
            await ended.wait()
            await cluster.apply(manifest | {"data": {"a": large}})
            told.append(await waiting)
            await cluster.delete(CONFIG_MAPS, namespace, "settings")
            told.append(await anext(changes))

    assert [each.kind for each in told] == [Kind.ADDED, Kind.MODIFIED, Kind.DELETED]
    assert told[1].object["data"]["a"] == large
    assert watches >= 2


async def test_questions_are_answered_and_are_no_writes(api_cluster: AnyCluster, namespace: str) -> None:
    seen: list[Request] = []
    async with await Cluster.connect(api_cluster.kubeconfig, on_request=seen.append) as cluster:
        assert (await cluster.server_version()).startswith("v1.")
        assert await cluster.serves(LEASES)
        assert not await cluster.serves(HTTP_ROUTES)
        assert await cluster.can_i("patch", SECRETS, namespace, subresource="status")

    assert not any(each.write for each in seen)


async def test_a_service_that_nobody_serves_is_an_error_that_names_it(
    cluster: Cluster, namespace: str
) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
    }
    await cluster.apply(service)

    # The server's own view of services follows a moment later.
    for _ in range(100):
        with pytest.raises(ApiError, match=f"Service {namespace}/web ") as refused:
            await cluster.service_json(namespace, "web", "http", "/v1/status")
        if refused.value.status != 404:
            break
        await asyncio.sleep(0.1)
    with pytest.raises(NotFound, match="nobody"):
        await cluster.service_json(namespace, "nobody", "http", "/v1/status")

    assert refused.value.status == 503
    assert 'no endpoints available for service "web"' in refused.value.message
