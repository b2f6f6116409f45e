"""The public name: an Ingress or an HTTPRoute, and what the API calls itself."""

from __future__ import annotations

import json

import pytest

from reelplane_plan.types import KEDA


def public_url(objects) -> str | None:
    url: str | None = json.loads(objects["ConfigMap/reels-api"]["data"]["runtime.json"])["api"]["public_url"]
    return url


def test_without_a_domain_there_is_no_route(objects):
    made = objects()
    assert not any(name.startswith(("Ingress", "HTTPRoute")) for name in made)
    assert public_url(made) is None


def test_a_domain_alone_is_an_ingress_of_the_clusters_own_class(objects):
    made = objects("domain: reels.example.com")
    spec = made["Ingress/reels-api"]["spec"]
    assert spec.keys() == {"rules"}
    (rule,) = spec["rules"]
    assert rule["host"] == "reels.example.com"
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = made[f"Service/{backend['name']}"]
    assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    assert public_url(made) == "http://reels.example.com"


def test_a_class_a_certificate_and_annotations_reach_the_ingress_and_links_become_https(objects):
    gateway = "{class: traefik, tls: {secret: reels-tls}, annotations: {cert-manager.io/issuer: le}}"
    made = objects(f"domain: reels.example.com, gateway: {gateway}")
    ingress = made["Ingress/reels-api"]
    assert ingress["spec"]["ingressClassName"] == "traefik"
    assert ingress["spec"]["tls"] == [{"hosts": ["reels.example.com"], "secretName": "reels-tls"}]
    assert ingress["metadata"]["annotations"] == {"cert-manager.io/issuer": "le"}
    assert public_url(made) == "https://reels.example.com"


def test_a_parent_is_an_http_route_to_that_gateway(objects):
    made = objects("domain: reels.example.com, api: {port: 9000}, gateway: {parent: public}")
    spec = made["HTTPRoute/reels-api"]["spec"]
    assert (spec["parentRefs"], spec["hostnames"]) == ([{"name": "public"}], ["reels.example.com"])
    assert spec["rules"][0]["backendRefs"] == [{"name": "reels-api", "port": 9000}]
    assert public_url(made) == "https://reels.example.com"
    assert "Ingress/reels-api" not in made


def test_a_gateway_on_a_cluster_without_the_gateway_api_is_a_problem_that_says_what_to_do(plan_text, shared):
    text = shared("domain: reels.example.com, gateway: {parent: public}")
    (problem,) = plan_text(text, target="cluster", apis=frozenset({KEDA})).problems
    assert problem.path == "VideoPlatform/reels: spec.gateway.parent"
    assert problem.reason == "GatewayAPIMissing"
    assert "spec.gateway.class" in problem.fix


@pytest.mark.parametrize(
    ("trusted", "expected"), [("", True), ("api: {trustedProxies: [10.0.0.0/8]}", False)]
)
def test_a_note_says_that_clients_behind_a_gateway_look_like_one(plan_text, shared, trusted, expected):
    notes = plan_text(shared(f"domain: reels.example.com, {trusted}"), target="cluster").notes
    assert any(note.path.endswith("trustedProxies") for note in notes) is expected
