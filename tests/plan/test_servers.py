"""Embedded stores on a cluster: what keeps its data, what may vanish, and that each server speaks its contract."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import S3Store

from tests.conftest import free_port
from tests.servers.s3 import versitygw


def stateful(made: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = made[f"StatefulSet/{name}"]["spec"]
    return found


def container(made: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = stateful(made, name)["template"]["spec"]["containers"][0]
    return found


def worker_stores(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made["ConfigMap/shorts-download"]["data"]["runtime.json"])["stores"]
    return found


def test_the_queue_keeps_its_file_on_a_volume_and_the_cache_may_vanish(objects):
    made = objects()
    assert "volumeClaimTemplates" in stateful(made, "reels-queue")
    assert "volumeClaimTemplates" not in stateful(made, "reels-cache")
    arguments = {name: " ".join(container(made, name)["args"]) for name in ("reels-queue", "reels-cache")}
    assert "noeviction" in arguments["reels-queue"]
    assert "--appendonly yes" in arguments["reels-queue"]
    assert "allkeys-lfu" in arguments["reels-cache"]


def test_a_cache_has_room_for_what_it_may_hold(objects):
    made = objects("cache: {embedded: {memory: 2Gi}}")
    assert str(2 * 2**30) in container(made, "reels-cache")["args"]
    assert container(made, "reels-cache")["resources"]["requests"]["memory"] == "2112Mi"


def test_what_is_kept_has_the_size_and_class_that_were_asked_for(development):
    made = development(
        "database: {embedded: {size: 3Gi}}, objects: {embedded: {size: 7Gi}}, storage: {class: fast}"
    )
    for name, size in (("reels-database", "3Gi"), ("reels-objects", "7Gi"), ("reels-queue", "1Gi")):
        (claim,) = stateful(made, name)["volumeClaimTemplates"]
        assert claim["spec"]["resources"]["requests"]["storage"] == size
        assert claim["spec"]["storageClassName"] == "fast"
    (claim,) = stateful(development(), "reels-database")["volumeClaimTemplates"]
    assert "storageClassName" not in claim["spec"], "the cluster's default class is not ours to name"


def test_volumes_go_with_their_platform_unless_it_leaves_everything_behind(development):
    for policy, when in (("Delete", "Delete"), ("Orphan", "Retain")):
        made = development(f"deletionPolicy: {policy}")
        kept = stateful(made, "reels-database")["persistentVolumeClaimRetentionPolicy"]
        assert kept == {"whenDeleted": when, "whenScaled": "Retain"}


def test_a_database_is_made_as_the_documents_name_it_with_a_password_from_a_file(development):
    made = development()
    pod, found = stateful(made, "reels-database")["template"]["spec"], container(made, "reels-database")
    environment = {each["name"]: each["value"] for each in found["env"]}
    url = worker_stores(made)["database"]["url"]
    assert url == "postgresql://{POSTGRES_USER}@reels-database:5432/{POSTGRES_DB}".format(**environment)
    mounts = {each["name"]: each["mountPath"] for each in found["volumeMounts"]}
    assert environment["PGDATA"].startswith(f"{mounts['data']}/"), "initdb wants an empty folder"
    assert environment["POSTGRES_PASSWORD_FILE"] == f"{mounts['secrets']}/database-password"
    (secret,) = [each["secret"]["secretName"] for each in pod["volumes"] if each["name"] == "secrets"]
    assert f"Secret/{secret}" in made
    assert {"/var/run/postgresql", "/tmp"} <= set(mounts.values()), "its root cannot be written to"


def test_a_database_that_makes_itself_ready_does_not_count_as_ready(development):
    """While the entry point makes user and database the server answers on its Unix socket."""
    found = container(development(), "reels-database")
    assert found["startupProbe"]["exec"]["command"][:3] == ["pg_isready", "-h", "127.0.0.1"]
    assert found["readinessProbe"]["tcpSocket"] == {"port": "database"}


def test_no_command_is_run_in_a_container_every_few_seconds(development):
    made = development()
    for name in ("reels-cache", "reels-queue", "reels-database", "reels-objects"):
        found = container(made, name)
        probes = [found["readinessProbe"], found["livenessProbe"]]
        assert all(each["periodSeconds"] >= 10 for each in probes if "exec" in each), name


def test_the_bucket_of_the_documents_is_there_and_opens_with_the_keys_that_workers_mount(development):
    made = development()
    found, stores = container(made, "reels-objects"), worker_stores(made)["objects"]
    root = found["args"][-1]
    mounts = {each["mountPath"]: each for each in found["volumeMounts"]}
    assert mounts[f"{root}/{stores['bucket']}"]["name"] == "data"
    assert root in mounts, "the server keeps its lock files beside the bucket"
    assert found["args"][found["args"].index("--region") + 1] == stores["region"]
    assert stores["endpoint"] == "http://reels-objects:9000"
    keys = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in found["env"]}
    pod = made["Deployment/shorts-download"]["spec"]["template"]["spec"]
    volume = next(each for each in pod["volumes"] if each["name"] == "secrets")
    mounted = {
        (source["secret"]["name"], item["key"]): item["path"]
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    for variable, field in (("ROOT_ACCESS_KEY", "access_key_file"), ("ROOT_SECRET_KEY", "secret_key_file")):
        path = mounted[keys[variable]["name"], keys[variable]["key"]]
        assert stores[field].endswith(f"/{path}")


@pytest.mark.service
def test_the_s3_server_started_as_its_pod_says_has_the_bucket_of_the_documents(development, tmp_path):
    made = development()
    found, stores = container(made, "reels-objects"), worker_stores(made)["objects"]
    port, root = free_port(), tmp_path / "root"
    (root / stores["bucket"]).mkdir(parents=True)
    told = {f":{found['ports'][0]['containerPort']}": f"127.0.0.1:{port}", found["args"][-1]: str(root)}
    keys = {each["name"]: f"{each['name'].lower()}-of-this-test" for each in found["env"]}
    server = subprocess.Popen(
        [versitygw(), *(told.get(word, word) for word in found["args"])],
        env=os.environ | keys,
        stdout=subprocess.DEVNULL,
    )
    try:
        answering(f"http://127.0.0.1:{port}{found['readinessProbe']['httpGet']['path']}")
        store = S3Store(
            stores["bucket"],
            endpoint=f"http://127.0.0.1:{port}",
            region=stores["region"],
            access_key_id=keys["ROOT_ACCESS_KEY"],
            secret_access_key=keys["ROOT_SECRET_KEY"],
            client_options={"allow_http": True},
        )
        obstore.put(store, "a/b", b"media")
        assert bytes(obstore.get(store, "a/b").bytes()) == b"media"
    finally:
        server.kill()
        server.wait(timeout=15)


def answering(url: str) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url).raise_for_status()
            return
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer within 30 s")


def test_an_error_of_a_valkey_that_still_reads_its_file_is_not_taken_for_an_answer(objects):
    command = container(objects(), "reels-queue")["startupProbe"]["exec"]["command"]
    assert command[:2] == ["valkey-cli", "-e"]


def test_a_server_is_replaced_when_what_it_is_told_changes_and_not_otherwise(objects):
    def content_hash(made: dict[str, Any], name: str) -> str:
        text: str = stateful(made, name)["template"]["metadata"]["annotations"]["reelplane.io/content-hash"]
        return text

    before, after = objects(), objects("cache: {embedded: {memory: 64Mi}}, api: {port: 9000}")
    assert content_hash(before, "reels-cache") != content_hash(after, "reels-cache")
    assert content_hash(before, "reels-queue") == content_hash(after, "reels-queue")
