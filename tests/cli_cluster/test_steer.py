"""Pause, resume and drain say it to the operator, wait until it has happened, and say what happened."""

from __future__ import annotations

import pytest

from tests.cli_cluster.stage import WHOLE, condition, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

PAUSED = "reelplane.io/paused"


def annotations(stage, kind, name):
    return stage.get(kind, name)["metadata"].get("annotations", {})


def confirm(stage, kind, name, status):
    eventually(
        lambda: (annotations(stage, kind, name).get(PAUSED) == "true") == (status == "True"),
        f"{kind} is annotated",
    )
    stage.say(kind, name, [condition("Ready", "True", "AllReady"), condition("Paused", status, "Annotation")])


def test_a_platform_is_paused_with_its_pipelines_and_the_command_waits_for_the_operator(stage):
    stage.apply(WHOLE)
    stage.operate()
    process = stage.start("pause", "reels")
    confirm(stage, "videoplatform", "reels", "True")
    assert process.poll() is None, "it waits for the pipeline, too"
    confirm(stage, "videopipeline", "shorts", "True")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "VideoPlatform/reels is paused" in said
    assert "VideoPipeline/shorts is paused" in said
    process = stage.start("resume", "reels")
    confirm(stage, "videoplatform", "reels", "False")
    confirm(stage, "videopipeline", "shorts", "False")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert PAUSED not in annotations(stage, "videoplatform", "reels")


def test_an_operator_that_does_not_confirm_is_said_after_the_time_that_was_given(stage):
    stage.apply(WHOLE)
    done = stage.cli("pause", "vp/shorts", "--timeout", "1")
    assert done.returncode == 1
    assert "has not said Paused=True within 1 s" in done.stderr
    assert "reelplane-operator" in done.stderr
    assert annotations(stage, "videopipeline", "shorts")[PAUSED] == "true"


def test_drain_sets_the_spec_waits_for_the_last_worker_and_resume_takes_it_back(stage):
    stage.apply(WHOLE)
    stage.operate()
    eventually(lambda: len(stage.pods()) >= 6, "controllers have made the pods")
    process = stage.start("drain", "shorts")
    eventually(lambda: stage.get("videopipeline", "shorts")["spec"].get("drain"), "drain is set")
    assert process.poll() is None
    stage.operate(WHOLE + "  drain: true\n")
    stage.kubectl("delete", "hpa", "shorts-download")
    said, _ = process.communicate(timeout=120)
    print(said)
    assert process.returncode == 0, said
    assert "waiting for 2 workers" in said
    assert "VideoPipeline/shorts is drained" in said
    assert "drained" in stage.cli("status").stdout
    assert stage.cli("resume", "shorts").returncode == 0
    assert not stage.get("videopipeline", "shorts")["spec"].get("drain")


def test_drain_says_what_is_left_when_time_is_up(stage):
    stage.apply(WHOLE)
    stage.operate()
    eventually(lambda: len(stage.pods()) >= 6, "controllers have made the pods")
    done = stage.cli("drain", "shorts", "--timeout", "1")
    assert done.returncode == 1
    assert "2 workers of VideoPipeline/shorts still run after 1 s" in done.stderr
    done = stage.cli("drain", "shorts", "--no-wait")
    assert done.returncode == 0
    assert "resume shorts" in done.stdout


def test_names_that_are_not_there_or_mean_two_objects_are_refused(stage):
    stage.apply(WHOLE, WHOLE.replace("name: shorts", "name: reels"))
    done = stage.cli("pause", "reels")
    assert done.returncode == 2
    assert "vplat/reels or vp/reels" in done.stderr
    done = stage.cli("pause", "rails")
    assert done.returncode == 1
    assert "named 'rails'" in done.stderr
    done = stage.cli("pause", "pod/reels")
    assert done.returncode == 2
    assert "'pod' is not a kind" in done.stderr
