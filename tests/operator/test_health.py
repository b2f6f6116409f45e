"""What probes and Prometheus are answered."""

from __future__ import annotations

import aiohttp
from prometheus_client import CollectorRegistry, Counter

from reelplane_operator import metrics
from reelplane_operator.cluster.transport import Request
from reelplane_operator.health import HealthServer


async def fetch(server: HealthServer, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_each_probe_asks_its_own_checks_and_says_what_is_wrong() -> None:
    problem: str | None = "nothing was read yet"
    checks = {"informers": lambda: problem, "lease": lambda: None}
    async with HealthServer(
        CollectorRegistry(), live={"loop": lambda: None}, ready=checks, host="127.0.0.1", port=0
    ) as server:
        assert await fetch(server, "/healthz") == (200, "ok\n")
        assert await fetch(server, "/readyz") == (503, "informers: nothing was read yet\n")
        problem = None
        assert await fetch(server, "/readyz") == (200, "ok\n")


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("seen", "Things seen", registry=registry).inc(3)
    async with HealthServer(registry, live={}, ready={}, host="127.0.0.1", port=0) as server:
        status, text = await fetch(server, "/metrics")

    assert status == 200
    assert "seen_total 3.0" in text


def test_requests_are_counted_and_only_accepted_writes_are_writes() -> None:
    def request(verb: str, status: int, attempt: int = 1, *, dry_run: bool = False) -> Request:
        return Request(verb, "Widget", "n", "a", None, dry_run, status, 0.01, attempt)

    for each in (
        request("apply", 429),
        request("apply", 200, 2),
        request("apply", 200, dry_run=True),
        request("get", 200),
        request("delete", 0),
        request("delete", 404),
    ):
        metrics.seen(each)

    def value(name: str, **labels: str) -> float | None:
        return metrics.REGISTRY.get_sample_value(f"reelplane_operator_{name}", {"kind": "Widget", **labels})

    assert value("api_writes_total", verb="apply") == 1
    assert value("api_writes_total", verb="get") is None
    assert value("api_writes_total", verb="delete") is None
    assert value("api_requests_total", verb="apply", status="429") == 1
    assert value("api_requests_total", verb="delete", status="0") == 1
    assert value("api_retries_total", verb="apply") == 1
