"""`kubectl reelplane plan -f` shows what apply would make, tried by the API server, and writes nothing."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.cli_cluster.stage import PASSWORD, PIPELINE, PLATFORM, SECRET, WHOLE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


def versions(stage):
    items = stage.get("vplat,vp,pp,rd,deploy,sts,svc,cm,secret,hpa,netpol,sa,pdb")["items"]
    # The status of a Deployment is its controller's to write meanwhile.
    return {
        (item["kind"], item["metadata"]["name"]): json.dumps(item.get("spec", item.get("data")))
        for item in items
    }


def test_a_new_platform_is_all_creates_and_ends_with_1(stage):
    done = stage.cli("plan", "-f", str(stage.file(WHOLE)))
    print(done.stdout)
    assert done.returncode == 1
    assert "+ Deployment/reels-api" in done.stdout
    assert "+ HorizontalPodAutoscaler/shorts-download" in done.stdout
    assert "+ Secret/reels-signing-key" in done.stdout
    assert "0 to change, " in done.stdout
    assert "Jobs in flight: 0, none interrupted." in done.stdout
    assert stage.get("vplat,vp,deployments")["items"] == [], "nothing was written"


def test_what_is_as_declared_is_no_difference_and_ends_with_0(stage):
    stage.apply(WHOLE)
    stage.operate()
    done = stage.cli("plan", "-f", str(stage.file(WHOLE)))
    assert done.returncode == 0, done.stdout
    assert "0 to change, 0 to create, 0 to delete." in done.stdout
    assert not [line for line in done.stdout.splitlines() if line[:2] in ("+ ", "~ ", "- ")]


def test_a_change_is_named_by_field_with_its_jobs_and_nothing_is_written(stage, figures, address):
    stage.apply(WHOLE)
    stage.operate()
    workers = [name for name in stage.pods_run(6) if name.startswith("shorts-")]
    stage.serve(address)
    figures["queue"]["running"] = 3
    figures["workers"] = [{"id": name, "busy": 1, "capacity": 2, "draining": False} for name in workers]
    before = versions(stage)
    file = stage.file(PIPELINE.replace("max: 50", "max: 60, concurrency: 4"))
    done = stage.cli("plan", "-f", str(file))
    print(done.stdout)
    assert done.returncode == 1
    assert "~ HorizontalPodAutoscaler/shorts-download  spec.maxReplicas  50 -> 60" in done.stdout
    assert "data[runtime.json]:worker.concurrency  2 -> 4" in done.stdout
    assert (
        "shorts-download replaces its workers: each finishes what it runs first, for up to 10m" in done.stdout
    )
    assert "0 to create, 0 to delete. Jobs in flight: 3, none interrupted." in done.stdout
    assert "reels-api" not in done.stdout
    assert versions(stage) == before


def test_jobs_that_may_not_finish_are_counted_as_interrupted(stage, figures, address):
    short = WHOLE.replace("max: 50", "max: 50, drainTimeout: 20s")
    stage.apply(short)
    stage.operate(short)
    workers = [name for name in stage.pods_run(6) if name.startswith("shorts-")]
    stage.serve(address)
    figures["queue"]["running"] = 5
    figures["workers"] = [{"id": name, "busy": 2, "capacity": 2, "draining": False} for name in workers]
    done = stage.cli("plan", "-f", str(stage.file(short.replace("max: 50", "max: 50, concurrency: 4"))))
    print(done.stdout)
    assert "replaces its workers after 20s, of 10m that a job may take" in done.stdout
    assert "Jobs in flight: 5, up to 4 interrupted." in done.stdout


def test_what_the_plan_no_longer_wants_is_deleted_unless_it_was_opted_out(stage):
    stage.apply(WHOLE)
    stage.operate()
    stage.kubectl("annotate", "ingress", "reels-api", "reelplane.io/reconcile=disabled")
    less = WHOLE.replace("  domain: reels.example.com\n", "") + "  drain: true\n"
    done = stage.cli("plan", "-f", str(stage.file(less)))
    print(done.stdout)
    assert done.returncode == 1
    assert "- HorizontalPodAutoscaler/shorts-download" in done.stdout
    assert re.search(r"~ Deployment/shorts-download +spec\.replicas  [12] -> 0", done.stdout)
    assert "shorts-download loses its workers: each finishes what it runs first, for up to 10m" in done.stdout
    assert "- Ingress/reels-api" not in done.stdout
    assert "Ingress/reels-api has the annotation reelplane.io/reconcile: disabled" in done.stdout
    assert "0 to create, 1 to delete." in done.stdout


def test_a_file_without_a_field_takes_it_back_as_apply_would_and_leaves_what_a_command_set(stage):
    more = WHOLE.replace("max: 50", "max: 50, concurrency: 4")
    stage.apply(more)
    stage.kubectl("patch", "videopipeline", "shorts", "--type=merge", "-p", '{"spec":{"drain":true}}')
    stage.operate(more + "  drain: true\n")
    done = stage.cli("plan", "-f", str(stage.file(PIPELINE)))
    assert "worker.concurrency  4 -> 2" in done.stdout
    assert "spec.replicas" not in done.stdout, "the pipeline stays drained"


def test_a_secrets_new_value_changes_what_reads_it_and_is_never_shown(stage):
    stage.apply(WHOLE)
    stage.operate()
    done = stage.cli("plan", "-f", str(stage.file(SECRET.replace(PASSWORD, "tuna-fish-0815"))))
    assert done.returncode == 1
    assert "~ Secret/reels-api" in done.stdout
    assert "(hidden) -> (hidden)" in done.stdout
    assert "~ Deployment/shorts-download" in done.stdout
    assert PASSWORD not in done.stdout
    assert "tuna-fish" not in done.stdout


def test_problems_are_placed_in_the_file_and_end_above_1(stage):
    done = stage.cli("plan", "-f", str(stage.file(PLATFORM + "---" + PIPELINE)))
    assert done.returncode == 2
    assert "reels-db" in done.stderr
    wrong = stage.file(PIPELINE.replace("max: 50", "max: none"))
    done = stage.cli("plan", "-f", str(wrong))
    assert done.returncode == 2
    assert "platform.yaml:7" in done.stderr


def test_rules_that_only_the_server_knows_are_told_with_file_and_line(stage):
    stage.apply(WHOLE)
    stage.operate()
    moved = WHOLE.replace("platform: reels", "platform: rails").replace("name: reels}", "name: rails}")
    done = stage.cli("plan", "-f", str(stage.file(moved)))
    print(done.stderr)
    assert done.returncode == 2
    assert "VideoPipeline/shorts spec.platform" in done.stderr
    assert "cannot be changed" in done.stderr


def test_a_paused_platform_says_that_nothing_happens(stage):
    stage.apply(WHOLE)
    stage.operate()
    stage.kubectl("annotate", "videoplatform", "reels", "reelplane.io/paused=true")
    done = stage.cli("plan", "-f", str(stage.file(WHOLE.replace("max: 40", "max: 30"))))
    assert "spec.maxReplicas  40 -> 30" in done.stdout
    assert "VideoPlatform/reels is paused" in done.stdout


def test_render_prints_what_the_operator_would_apply_here(stage):
    stage.apply(WHOLE)
    stage.operate()
    rendered = list(yaml.safe_load_all(stage.cli("render", "-f", str(stage.file(WHOLE))).stdout))
    deployment = next(
        each
        for each in rendered
        if each["metadata"]["name"] == "shorts-download" and each["kind"] == "Deployment"
    )
    owner = deployment["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("VideoPipeline", "shorts")
    assert deployment["metadata"]["namespace"] == stage.namespace
    listed = json.loads(stage.cli("render", "-f", str(stage.file(WHOLE)), "-o", "json").stdout)
    assert listed["kind"] == "List"
    assert len(listed["items"]) == len(rendered)


def test_a_drained_pipeline_has_no_workers_and_nobody_who_would_wake_one(stage):
    done = stage.cli("render", "-f", str(stage.file(WHOLE + "  drain: true\n")), "-o", "json")
    items = {(each["kind"], each["metadata"]["name"]): each for each in json.loads(done.stdout)["items"]}
    assert items["Deployment", "shorts-download"]["spec"]["replicas"] == 0
    assert ("HorizontalPodAutoscaler", "shorts-download") not in items
