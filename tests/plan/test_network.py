"""What network policies promise, by what they mean: who may open a connection to whom."""

from __future__ import annotations

from typing import Any

import pytest

from reelplane_plan.types import ExtractorStage
from tests.testbed.policies import Pod, connects, of

STRANGER = Pod({"app.kubernetes.io/name": "nginx"})
PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")
CLOSED = (
    *(
        "10.96.0.1",
        "10.244.3.7",
        "172.20.0.10",
        "192.168.1.1",
        "100.64.0.5",
        "169.254.169.254",
        "169.254.170.23",
    ),
    *("fd00:ec2::254", "fd12::1", "fe80::1"),
)


class Net:
    def __init__(self, objects: dict[str, Any]) -> None:
        self.policies = [each for each in objects.values() if each["kind"] == "NetworkPolicy"]
        self.pods = {
            each["metadata"]["name"]: of(each)
            for each in objects.values()
            if each["kind"] in ("Deployment", "StatefulSet")
        }

    def may(self, source: str | Pod, target: str | Pod, port: int, protocol: str = "TCP") -> bool:
        ends = [self.pods.get(each, each) if isinstance(each, str) else each for each in (source, target)]
        return connects(self.policies, *ends, port, protocol)


@pytest.fixture
def net(development):
    return lambda *arguments, **facts: Net(development(*arguments, **facts))


def test_stores_are_reached_by_api_and_workers_of_their_platform_and_by_nobody_else(net):
    found = net()
    stores = {"reels-cache": 6379, "reels-queue": 6379, "reels-database": 5432, "reels-objects": 9000}
    other = Pod({**found.pods["reels-api"].labels, "app.kubernetes.io/part-of": "clips"})
    store_of_ours = Pod({**found.pods["reels-cache"].labels, "app.kubernetes.io/name": "another"})
    for store, port in stores.items():
        for user in ("reels-api", "shorts-download"):
            assert found.may(user, store, port), (user, store)
            assert not found.may(user, store, 22)
        for user in (STRANGER, other, store_of_ours, *(each for each in stores if each != store)):
            assert not found.may(user, store, port), (user, store)


def test_stores_open_no_connection_at_all(net):
    found = net()
    for store in ("reels-cache", "reels-queue", "reels-database", "reels-objects"):
        assert not any(found.may(store, address, 443) for address in (*PUBLIC, *CLOSED))
        assert not found.may(store, "10.96.0.10", 53, "UDP")
        assert not found.may(store, "reels-api", 8080)


def test_the_api_is_open_on_its_port_and_workers_for_their_metrics(net):
    found = net("api: {port: 9000}")
    assert found.may(STRANGER, "reels-api", 9000)
    assert found.may("203.0.113.9", "reels-api", 9000)
    assert not found.may(STRANGER, "reels-api", 8080)
    assert found.may(STRANGER, "shorts-download", 8080)
    assert not found.may(STRANGER, "shorts-download", 9000)


def test_workers_reach_the_internet_but_neither_the_cluster_nor_metadata(net):
    found = net("egress: {ports: [443, 8443]}")
    for address in PUBLIC:
        assert found.may("shorts-download", address, 443)
        assert found.may("shorts-download", address, 8443)
        assert not found.may("shorts-download", address, 22)
    for address in CLOSED:
        assert not any(found.may("shorts-download", address, port) for port in (80, 443, 8443)), address
    assert not found.may("shorts-download", STRANGER, 443)
    assert not found.may("shorts-download", "reels-api", 8080)


def test_names_are_resolved_wherever_the_resolver_is(net):
    found = net()
    for user in ("reels-api", "shorts-download"):
        for resolver in ("10.96.0.10", "169.254.20.10", STRANGER):
            assert found.may(user, resolver, 53, "UDP")
            assert found.may(user, resolver, 53)


def test_the_api_goes_nowhere_but_to_its_stores(net):
    found = net()
    assert not any(found.may("reels-api", address, 443) for address in (*PUBLIC, *CLOSED))


def test_a_canary_may_do_what_the_other_workers_may(development):
    found = Net(development(extractor=ExtractorStage(None, "2026.11.9")))
    assert found.may("shorts-download-canary", PUBLIC[0], 443)
    assert found.may("shorts-download-canary", "reels-queue", 6379)
    assert not found.may("shorts-download-canary", "169.254.169.254", 80)


def test_private_origins_are_open_to_workers_where_they_are_allowed(net):
    found = net("egress: {allow: [{cidr: 10.20.0.0/16, port: 8000}, {cidr: 192.168.7.7/32}]}")
    assert found.may("shorts-download", "10.20.3.4", 8000)
    assert not found.may("shorts-download", "10.20.3.4", 443)
    assert not found.may("shorts-download", "10.21.3.4", 8000)
    assert found.may("shorts-download", "192.168.7.7", 9999)
    assert not found.may("reels-api", "10.20.3.4", 8000)


def test_stores_elsewhere_are_reached_by_address_alone_and_by_name_at_their_port(wanted, shared, secret):
    text = shared(
        "cache: {external: {urlFrom: {secret: far, key: cache}}},"
        "queue: {external: {urlFrom: {secret: far, key: queue}}}",
        extra=secret("far", "cache: 'redis://10.9.9.9:6380/0', queue: 'rediss://queue.example'"),
    )
    found = Net(
        {each.manifest["metadata"]["name"] + each.manifest["kind"]: each.manifest for each in wanted(text)}
    )
    for user in ("reels-api", "shorts-download"):
        assert found.may(user, "10.9.9.9", 6380)
        assert not found.may(user, "10.9.9.8", 6380)
        for port in (6379, 5432, 443):  # The queue's, the database's and S3's: known by name.
            assert found.may(user, "10.1.2.3", port)
            assert found.may(user, PUBLIC[0], port)
            assert not found.may(user, "169.254.169.254", port)
            assert not found.may(user, "fd00:ec2::254", port)


def test_a_note_names_the_hosts_that_a_policy_cannot_tell_from_others(plan_text, shared):
    notes = [note for note in plan_text(shared(), target="cluster").notes if "host names" in note.message]
    assert [note.path for note in notes] == ["VideoPlatform/reels: spec.egress"]
    assert "db.example:5432, s3.us-west-2.amazonaws.com:443" in notes[0].message


def test_a_bucket_without_keys_lets_pods_ask_for_their_own_credentials_and_never_for_the_nodes(
    objects, secret
):
    found = Net(objects())
    assert found.may("reels-api", "169.254.170.23", 80)
    assert not found.may("reels-api", "169.254.169.254", 80)


def test_proxies_are_reached_by_workers_only(wanted, resources):
    pool = """
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: homes}
spec: {endpoints: [{name: a, url: 'http://10.0.0.5:3128'}, {name: b, url: 'socks5://proxy.example:1080'}]}
---
"""
    text = resources(pipeline="workers: {download: {proxies: homes}}", extra=pool)
    found = Net(
        {each.manifest["metadata"]["name"] + each.manifest["kind"]: each.manifest for each in wanted(text)}
    )
    assert found.may("shorts-download", "10.0.0.5", 3128)
    assert not found.may("shorts-download", "10.0.0.6", 3128)
    assert found.may("shorts-download", "10.7.7.7", 1080)
    assert not found.may("reels-api", "10.0.0.5", 3128)
