"""On a cluster nothing starts in order: pods wait for their stores, say for what, and say it once."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelplane_crds.runtime import ServerRef
from tests.servers.s3 import BUCKET, S3Server, versitygw

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]


def _lines(pod: Any, level: str) -> list[str]:
    lines = [json.loads(line) for line in pod.said().splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["level"] == level]


@pytest.fixture
def late_s3(short_tmp: Path) -> Any:
    """A bucket's server that is not there yet, and whose bucket is not there when it comes."""
    server = S3Server(versitygw(), short_tmp)
    (server.data / BUCKET).rmdir()
    yield server
    server.stop()


def test_pods_that_start_before_every_store_become_ready_when_the_stores_come(
    *,
    documents: Any,
    run: Any,
    helpers: Any,
    valkey: Any,
    late_s3: S3Server,
    short_tmp: Path,
    origin: Any,
    clip: Path,
) -> None:
    valkey.stop()
    folder = (
        short_tmp / "database"
    )  # a file in a folder that is not there cannot be opened: the database is away
    stores = {
        "cache": ServerRef(url=valkey.url),
        "queue": ServerRef(url=valkey.url),
        "database": ServerRef(url=f"sqlite:///{folder}/db.sqlite"),
        "objects": late_s3.settings(),
    }
    pods = [run(document, name=document.role) for document in documents(stores)]
    api, worker = pods
    for pod in pods:
        helpers.until(lambda pod=pod: "the database" in pod.get("/readyz").text, "it says for what it waits")
        assert pod.get("/healthz").status_code == 200, "a restart would not bring the database"
    assert api.get("/v1/status").status_code == 503

    folder.mkdir()
    helpers.until(lambda: "the object store" in worker.get("/readyz").text, "the worker waits for the bucket")
    helpers.until(lambda: "objects" in api.get("/readyz").text, "the API is not ready without objects")
    late_s3.start()
    helpers.until(lambda: "NoSuchBucket" in worker.get("/readyz").text, "the bucket's absence has a name")
    helpers.until(lambda: "NoSuchBucket" in api.get("/readyz").json()["checks"]["objects"], "for the API too")
    (late_s3.data / BUCKET).mkdir()
    time.sleep(3)  # Valkey is away for a while yet
    valkey.start()
    for pod in pods:
        helpers.until(pod.ready, f"{pod.log.stem} is ready")

    url = origin.add_file("/late.mp4", clip)
    with httpx.Client(base_url=api.url, timeout=60) as client:
        job = client.post("/v1/downloads", json={"url": url}).json()
        view = helpers.until(
            lambda: (now := client.get(f"/v1/downloads/{job['id']}").json())["state"] == "done" and now,
            "the job",
        )
        assert httpx.get(view["media"]["url"]).content == clip.read_bytes()
    for pod in pods:
        assert len(_lines(pod, "warning")) <= 12, pod.said()
        assert len([line for line in _lines(pod, "warning") if "the database" in line]) == 1
        assert "Traceback" not in pod.said()


def test_a_pod_that_is_stopped_while_it_waits_goes_at_once(
    documents: Any, run: Any, helpers: Any, valkey: Any, short_tmp: Path
) -> None:
    ref = ServerRef(url=valkey.url)
    stores = {
        "cache": ref,
        "queue": ref,
        "database": ServerRef(url="postgresql://reelplane@127.0.0.1:1/none"),
    }
    pods = [run(document, name=document.role) for document in documents(stores)]
    for pod in pods:
        helpers.until(
            lambda pod=pod: "Connection refused" in pod.get("/readyz").text, "the driver's own words"
        )
        assert "127.0.0.1:1/none" in pod.get("/readyz").text
        pod.terminate()
        assert pod.process.wait(timeout=30) == 0


def test_an_outage_of_minutes_is_two_lines_in_the_log(
    documents: Any, run: Any, helpers: Any, valkey: Any, short_tmp: Path
) -> None:
    (short_tmp / "database").mkdir()
    ref = ServerRef(url=valkey.url)
    stores = {
        "cache": ref,
        "queue": ref,
        "database": ServerRef(url=f"sqlite:///{short_tmp}/database/db.sqlite"),
    }
    _, document = documents(stores)
    worker = run(document)
    helpers.until(worker.ready, "the worker is ready")
    valkey.stop(kill=True)
    helpers.until(lambda: worker.get("/readyz").status_code == 503, "it is not ready without its queue")
    time.sleep(8)  # four sweeps
    valkey.start()
    helpers.until(worker.ready, "it is ready again")
    helpers.until(lambda: "the queue is back" in worker.said(), "it says so")
    assert len(_lines(worker, "warning")) <= 3, worker.said()
    shutil.rmtree(short_tmp / "database", ignore_errors=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_pod_listens_on_every_address_of_its_family(
    documents: Any, local: Any, run: Any, helpers: Any, host: str
) -> None:
    _, document = documents(local)
    pod = run(document, host=host)
    helpers.until(pod.ready, "the worker is ready over IPv4")
    if host == "::":
        assert httpx.get(f"http://[::1]:{pod.port}/healthz").status_code == 200
