"""ServiceMonitors: where a Prometheus operator is, it is told of API and workers, under the labels it looks for."""

from __future__ import annotations

from reelplane_plan.types import KEDA


def test_api_and_workers_are_read_under_the_labels_that_a_prometheus_selects(objects):
    made = objects("metrics: {labels: {release: prometheus}}")
    monitors = {name: each for name, each in made.items() if each["kind"] == "ServiceMonitor"}
    assert list(monitors) == ["ServiceMonitor/reels-api", "ServiceMonitor/shorts-download"]
    for each in monitors.values():
        assert each["metadata"]["labels"]["release"] == "prometheus"
        service = made[f"Service/{each['metadata']['name']}"]
        assert each["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert each["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]


def test_without_that_kind_nobody_looks_workers_up_and_they_have_no_service(objects):
    made = objects(apis=frozenset({KEDA}))
    assert not any(name.startswith("ServiceMonitor") for name in made)
    assert "Service/shorts-download" not in made
    assert "Service/reels-api" in made
