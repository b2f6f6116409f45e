"""From ``kubectl apply`` to a video that plays, on a real node, with the shipped images, install and sample.

The operator is installed as its kustomize base, the platform is samples/cluster/development.yaml with three changes:
an address of the test's own is allowed as an origin, its clients may ask more often, and it has a domain. All visitors
come by that domain's route, over TLS, through nginx.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from loadtests.clips import make_clip
from loadtests.local import eventually
from loadtests.origin import Origin, Resource
from tests.e2e.visitor import Client
from tests.testbed.certs import Authority
from tests.testbed.node.cluster import NodeCluster
from tests.testbed.node.gateway import CLASS, Gateway
from tests.testbed.node.platform import READY, SYSTEM, install, wait

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
NAMESPACE = "media"
DOMAIN = "reels.example.com"
ENDLESS = {"rate": 1_000}
"""Of a clip of some 300 kB: a download that takes longer than anything here waits for."""


@dataclass
class Site:
    """The running platform, as an operator and a visitor see it."""

    cluster: NodeCluster
    origin: Origin
    transport: Callable[[], httpx.BaseTransport]
    clips: Path

    def kubectl(self, *arguments: str, **options: Any) -> str:
        return self.cluster.kubectl("-n", NAMESPACE, *arguments, **options).stdout

    def pods(self, name: str) -> list[dict[str, Any]]:
        """Pods of a workload that are not on their way out."""
        found = self.cluster.get("pods", "-n", NAMESPACE, "-l", f"app.kubernetes.io/name={name}")["items"]
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def client(self) -> Client:
        return Client(f"https://{DOMAIN}", self.transport())

    def video(self, name: str, **resource: Any) -> str:
        """The URL of a new video at the origin; ``rate`` in bytes a second makes it slow."""
        clip = make_clip(self.clips / f"{name}.mp4", seconds=4, tone=200 + len(name) * 7 + hash(name) % 400)
        return self.origin.add(f"/{name}.mp4", Resource(file=clip, **resource))


@pytest.fixture(scope="module")
def operator(node_cluster: NodeCluster, imported: Callable[[str], str]) -> NodeCluster:
    install(node_cluster, imported)
    return node_cluster


def declared(host: str, port: int) -> str:
    platform, pipeline = yaml.safe_load_all((ROOT / "samples/cluster/development.yaml").read_text())
    platform["spec"]["egress"] = {"allow": [{"cidr": f"{host}/32", "port": port}]}
    platform["spec"]["api"] |= {
        "rateLimits": {"info": "1000/min", "download": "1000/min"},
        "trustedProxies": [f"{host}/32"],
    }
    platform["spec"] |= {"domain": DOMAIN, "gateway": {"class": CLASS, "tls": {"secret": "reels-tls"}}}
    return yaml.safe_dump_all([platform, pipeline])


@pytest.fixture(scope="module")
def site(operator: NodeCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    cluster, host = operator, operator.machine.host
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    folder = tmp_path_factory.mktemp("site")
    authority = Authority(folder, "authority")
    pair = authority.issue("site", DOMAIN, hosts=[DOMAIN])
    cluster.kubectl(
        *("-n", NAMESPACE, "create", "secret", "tls", "reels-tls"),
        *(f"--cert={pair.certificate}", f"--key={pair.key}"),
    )
    with Origin(host=host) as origin:
        cluster.kubectl("-n", NAMESPACE, "apply", "-f", "-", input=declared(host, origin.port))
        wait(cluster, "-n", NAMESPACE, "vplat/demo", "vp/demo", "--for=condition=Ready")
        with contextlib.closing(Gateway(cluster, NAMESPACE, folder)) as gateway:
            eventually(gateway.listens, within=30, what="nginx listens")
            yield Site(cluster, origin, lambda: gateway.transport(authority.certificate), folder)


def test_what_was_declared_is_ready_and_says_so(site: Site) -> None:
    for kind in ("vplat", "vp"):
        status = json.loads(site.kubectl("get", kind, "demo", "-o", "json"))["status"]
        held = {each["type"]: each["status"] for each in status["conditions"]}
        assert (held["Ready"], held["Reconciling"], held["Stalled"]) == ("True", "False", "False")
    assert len(site.pods("api")) == 2
    eventually(lambda: not site.pods("download"), within=READY, what="no worker runs while nobody asks")


def test_a_url_brings_a_worker_from_zero_and_the_video_plays(site: Site) -> None:
    client = site.client()
    view = client.download(site.video("first"))
    assert view["state"] == "done", view
    assert view["media"]["url"].startswith(f"https://{DOMAIN}/v1/media/")
    media = client.http.get(view["media"]["url"], follow_redirects=True)
    assert media.status_code == 200
    assert media.content[4:8] == b"ftyp"
    part = client.http.get(view["media"]["url"], headers={"Range": "bytes=0-99"}, follow_redirects=True)
    assert (part.status_code, len(part.content)) == (206, 100)
    again = client.submit(site.video("first"))
    assert again.status_code == 200, "the second time it is known"


def test_a_worker_that_works_stays_when_others_that_do_not_are_sent_away(site: Site) -> None:
    """The older one is the idle one: without a cost of deletion a ReplicaSet would take the younger."""
    client = site.client()

    def runs(job: str) -> None:
        client.until(job, lambda view: view["state"] == "running", within=READY)

    both = [client.submit(site.video(f"first-{number}", **ENDLESS)).json()["id"] for number in range(2)]
    for job in both:
        runs(job)
    (older,) = (each["metadata"]["name"] for each in site.pods("download"))
    # More than one worker's share: a second one comes, and takes what the first has no room for.
    others = [client.submit(site.video(f"second-{number}", **ENDLESS)).json()["id"] for number in range(6)]
    runs(others[0])
    for job in (*both, *others[1:]):
        client.http.delete(f"/v1/downloads/{job}").raise_for_status()
    eventually(lambda: len(site.pods("download")) == 1, within=READY, what="one worker is left")
    (left,) = (each["metadata"]["name"] for each in site.pods("download"))
    assert left != older
    assert client.job(others[0])["state"] == "running"
    client.http.delete(f"/v1/downloads/{others[0]}").raise_for_status()


def test_a_worker_pod_killed_in_the_middle_of_a_job_loses_nothing(site: Site) -> None:
    url = site.video("killed", rate=60_000)
    client = site.client()
    job = client.submit(url).json()["id"]
    client.until(job, lambda view: view["state"] == "running" and view.get("progress", 0), within=240)
    victim = site.pods("download")[0]["metadata"]["name"]
    site.kubectl("delete", "pod", victim, "--grace-period=0", "--force")
    assert client.end(job, within=300)["state"] == "done"


def test_a_rolling_update_under_load_loses_no_request_and_no_job(site: Site) -> None:
    known = site.video("known")
    assert site.client().download(known)["state"] == "done"
    running = site.client()
    job = running.submit(site.video("rolled", rate=60_000)).json()["id"]
    failures: list[str] = []
    answered = 0
    stop = threading.Event()

    def visit() -> None:
        nonlocal answered
        while not stop.is_set():
            try:
                # A new connection each time, as new visitors make them.
                with httpx.Client(timeout=30, transport=site.transport()) as http:
                    address = f"https://{DOMAIN}/v1/downloads"
                    status = http.post(address, json={"url": known}).status_code
            except httpx.HTTPError as error:
                failures.append(repr(error))
            else:
                answered += 1
                if status != 200:
                    failures.append(str(status))
            time.sleep(0.1)

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for each in visitors:
        each.start()
    before = {each["metadata"]["uid"] for each in site.pods("api")}
    patch = {"spec": {"api": {"infoWait": "21s"}, "egress": {"ports": [80, 443, 8081]}}}
    site.kubectl("patch", "vplat", "demo", "--type=merge", "-p", json.dumps(patch))
    eventually(
        lambda: (
            len(found := site.pods("api")) == 2
            and not before & {each["metadata"]["uid"] for each in found}
            and all(each["status"].get("containerStatuses", [{}])[0].get("ready") for each in found)
        ),
        within=READY,
        what="both API pods are replaced and ready",
    )
    assert running.end(job, within=300)["state"] == "done"
    stop.set()
    for each in visitors:
        each.join()
    assert failures == []
    assert answered > 50


def test_the_cache_pods_data_may_vanish_at_any_moment(site: Site) -> None:
    known = site.video("cached")
    first = site.client().download(known)
    fetched = site.origin.count("/cached.mp4").requests
    site.kubectl("delete", "pod", "demo-cache-0", "--grace-period=0", "--force")
    site.kubectl("wait", "--for=condition=Ready", "pod/demo-cache-0", "--timeout=180s")
    again = eventually(lambda: _known(site, known), within=60, what="the video is known again")
    assert again["media"]["key"] == first["media"]["key"]
    assert site.origin.count("/cached.mp4").requests == fetched, "it was not fetched a second time"


def _known(site: Site, url: str) -> Any:
    answer = site.client().submit(url)
    return answer.json() if answer.status_code == 200 else None


def test_the_operator_may_be_killed_at_any_moment(site: Site) -> None:
    for turn in range(3):
        patch = {"spec": {"retention": {"jobs": f"{3700 + turn}s"}}}
        site.kubectl("patch", "vp", "demo", "--type=merge", "-p", json.dumps(patch))
        site.cluster.kubectl("-n", SYSTEM, "delete", "pods", "--all", "--grace-period=0", "--force")
    eventually(
        lambda: (
            '"jobs": 3702'
            in site.kubectl("get", "configmap", "demo-download", "-o", "json").replace("\\", "")
        ),
        within=READY,
        what="the last change is in the workers' document",
    )
    wait(site.cluster, "-n", NAMESPACE, "vp/demo", "--for=condition=Ready")


def test_workers_go_back_to_zero_when_nothing_is_left_to_do(site: Site) -> None:
    eventually(lambda: not site.pods("download"), within=READY, what="no worker runs")


def test_kubectl_delete_leaves_nothing(site: Site) -> None:
    site.kubectl("delete", "vplat,vp", "--all", "--timeout=60s")
    kinds = (
        "deployments,statefulsets,pods,services,configmaps,secrets,hpa,pdb,networkpolicies,pvc,scaledobjects"
    )

    def left() -> list[str]:
        found = site.cluster.get(kinds, "-n", NAMESPACE)["items"]
        return [
            f"{each['kind']}/{each['metadata']['name']}"
            for each in found
            if each["metadata"]["name"] not in ("kube-root-ca.crt", "reels-tls")
        ]

    eventually(lambda: not left(), within=READY, what="nothing is left")
    assert left() == []
