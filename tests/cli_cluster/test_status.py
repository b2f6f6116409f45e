"""`kubectl reelplane status` answers "what is going on" in one screen, for people and for programs."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.cli_cluster.stage import PIPELINE, WHOLE, condition, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


def words(text: str) -> str:
    """The text without its columns."""
    return " ".join(text.split())


def test_a_platform_that_runs_fits_on_one_screen(stage, figures, address):
    stage.apply(WHOLE)
    stage.operate(url="https://reels.example.com", workers="2/2", queue=49, hitRate="98.2%")
    workers = [name for name in stage.pods_run(6) if name.startswith("shorts-")]
    stage.serve(address)
    figures["workers"] = [
        {"id": name, "class": "download", "busy": 1, "capacity": 2, "draining": False} for name in workers
    ]
    eventually(lambda: "2/2 2/4" in words(stage.cli("status").stdout), "both workers are ready and busy")
    done = stage.cli("status", "reels")
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) < 45, "a screen"
    assert lines[0].startswith(f"VideoPlatform {stage.namespace}/reels  Ready  https://reels.example.com")
    said = words(done.stdout)
    for text in (
        "AllReady everything runs",
        "api 2/2 2 to 40 copies",
        "cache 1/1 embedded 512Mi",
        "database external postgres by Secret reels-db, key url",
        "objects external s3 reels-us-west-2 (us-west-2)",
        "shorts True 2/2 2/4 2-50 49 98.2%",
        "37 waiting, 12 running, 1 backing off",
        "98.2% served without a download, 1204 done, 3 failed",
        "9 of 10 healthy, 2 bans",
    ):
        assert text in said, text
    assert "problem" not in done.stdout
    assert "\x1b" not in done.stdout, "no colours in a pipe"


def test_what_is_wrong_is_named_with_what_would_be_right_and_ends_with_3(stage):
    stage.apply(WHOLE)
    stage.operate()
    eventually(lambda: len(stage.pods()) >= 5, "controllers have made the pods")
    worker = next(pod for pod in stage.pods() if pod["metadata"]["name"].startswith("shorts-"))
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}}
    container = {
        "name": "worker",
        "image": "x",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": waiting,
    }
    stage.status("pod", worker["metadata"]["name"], {"phase": "Pending", "containerStatuses": [container]})
    stalled = [
        condition("Ready", "False", "SecretNotFound", "Secret reels-s3 does not exist; create it"),
        condition("Stalled", "True", "SecretNotFound", "Secret reels-s3 does not exist; create it"),
    ]
    stage.say("videoplatform", "reels", stalled)
    stage.kubectl(
        "patch", "videopipeline", "shorts", "--type=merge", "-p", '{"spec":{"retention":{"jobs":"2h"}}}'
    )
    done = stage.cli("status")
    print(done.stdout)
    assert done.returncode == 3
    tail = done.stdout.partition("problems\n")[2]
    assert "VideoPlatform/reels  SecretNotFound  Secret reels-s3 does not exist; create it" in tail
    assert "VideoPipeline/shorts  ChangePending  generation 2 is not taken up yet, 1 is" in tail
    assert "Deployment/shorts-download  ImagePullBackOff  1 pod: no such tag" in tail
    assert "check the image's name and tag" in tail
    assert done.stdout.splitlines()[0].endswith("Stalled")


def test_programs_read_the_same_as_json_or_yaml(stage):
    stage.apply(WHOLE)
    stage.operate(workers="0/2")
    told = json.loads(stage.cli("status", "-o", "json").stdout)
    assert [each["platform"]["name"] for each in told] == ["reels"]
    assert told[0]["platform"]["ready"]
    assert told[0]["pipelines"][0]["workers"]["max"] == 50
    assert told[0]["queue"] is None, "nobody answers without pods"
    assert yaml.safe_load(stage.cli("status", "-o", "yaml").stdout)[0]["pipelines"][0]["name"] == "shorts"


def test_a_region_that_cannot_be_reached_is_seen(stage):
    region = """
apiVersion: reelplane.io/v1alpha1
kind: RegionDeployment
metadata: {name: us-west-2}
spec: {platform: reels, region: us-west-2, weight: 40, cluster: {kubeconfigFrom: {secret: k, key: v}}}
"""
    stage.apply(WHOLE, region)
    stage.operate()
    told = [
        condition("Ready", "Unknown", "RegionUnreachable", "no answer within 10 s"),
        condition("Reconciling", "True", "RegionUnreachable"),
    ]
    stage.say("regiondeployment", "us-west-2", told, workers="12/12", queue=3)
    done = stage.cli("status")
    print(done.stdout)
    said = words(done.stdout)
    assert "us-west-2 Unknown Primary 40 12/12 3 - RegionUnreachable" in said
    assert "RegionDeployment/us-west-2 RegionUnreachable no answer within 10 s" in said


def test_a_rollout_a_pause_and_news_are_seen(stage):
    stage.apply(WHOLE)
    stage.operate()
    eventually(lambda: len(stage.pods()) >= 5, "controllers have made the pods")
    paused = [condition("Ready", "True", "AllReady"), condition("Paused", "True", "Paused", "by annotation")]
    stage.say("videoplatform", "reels", paused)
    said = words(stage.cli("status").stdout)
    assert "Paused" in said.partition("age")[0]
    assert "`kubectl reelplane resume` ends the pause" in said
    stage.pods_run(5)
    eventually(lambda: "ROLLING OUT" not in stage.cli("status").stdout, "all pods are of the newest template")
    stage.kubectl("set", "image", "deployment/reels-api", "api=reelplane/workloads:next")
    eventually(
        lambda: "Deployment/reels-api" in stage.cli("status").stdout.partition("ROLLING OUT")[2], "it rolls"
    )
    assert "ScalingReplicaSet" in stage.cli("status").stdout


def test_nobody_there_is_said_with_where_to_look(stage):
    done = stage.cli("status")
    assert done.returncode == 3
    assert f"there is no VideoPlatform in namespace '{stage.namespace}'" in done.stderr
    assert "kubectl get videoplatforms -A" in done.stderr
    done = stage.cli("status", "rails")
    assert "VideoPlatform 'rails' does not exist" in done.stderr


def test_a_platform_that_no_operator_has_looked_at_says_so(stage):
    stage.apply(WHOLE.replace(PIPELINE, ""))
    done = stage.cli("status")
    assert done.returncode == 3
    assert "the operator has not looked at it" in done.stdout
    assert "No VideoPipeline uses this platform" in done.stdout
