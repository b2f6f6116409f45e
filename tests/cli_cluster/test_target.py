"""One command, two targets: the command's name and its words decide which is meant (docs/decisions/0005)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelplane_cli.cluster.target import aim
from tests.testbed import toolchain

PLUGIN = Path(sys.executable).parent / "kubectl-reelplane"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/usr/bin/kubectl-reelplane", ["status"]),
        ("kubectl-reelplane", ["plan", "-f", "x.yaml"]),
        ("reelplane", ["status", "--context", "prod"]),
        ("reelplane", ["--kubeconfig=k", "status"]),
        ("reelplane", ["status", "-n", "media"]),
        ("reelplane", ["status", "-nmedia"]),
        ("reelplane", ["drain", "shorts"]),
    ],
)
def test_a_cluster_is_meant_by_the_plugins_name_by_naming_one_and_by_words_that_only_it_has(program, words):
    assert aim(program, words).cluster


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["status"],
        ["plan", "-f", "x.yaml"],
        ["up", "-f", "pause"],
        ["render", "--to", "manifests"],
    ],
)
def test_this_machine_is_meant_by_everything_else(words):
    meant = aim("/opt/venv/bin/reelplane", words)
    assert not meant.cluster
    assert meant.words == tuple(words)


def test_connection_options_may_stand_anywhere_as_for_kubectl():
    before = aim("kubectl-reelplane", ["-n", "media", "status", "reels", "-o", "json"])
    after = aim("kubectl-reelplane", ["status", "reels", "-o", "json", "-n", "media"])
    assert before == after
    assert before.words == ("-n", "media", "status", "reels", "-o", "json")


def test_what_follows_a_double_dash_is_left_alone_and_a_missing_value_is_the_parsers_to_tell():
    assert aim("kubectl-reelplane", ["logs", "--", "-n", "x"]).words == ("logs", "--", "-n", "x")
    assert aim("kubectl-reelplane", ["status", "-n"]).words == ("-n", "status")


def test_help_of_both_names_the_other_and_the_exit_codes():
    local = subprocess.run(
        [PLUGIN.with_name("reelplane"), "--help"], capture_output=True, text=True, check=True
    )
    cluster = subprocess.run([PLUGIN, "--help"], capture_output=True, text=True, check=True)
    assert "kubectl reelplane --help" in " ".join(local.stdout.split())
    said = " ".join(cluster.stdout.split())
    assert "reelplane --help" in said
    assert "3 the platform is not Ready" in said
    for command in ("status", "plan", "render", "pause", "resume", "drain", "logs", "report"):
        assert f" {command} " in said


@pytest.mark.timeout(900)
def test_kubectl_finds_the_plugin():
    try:
        kubectl = toolchain.program("kubectl")
    except toolchain.Unavailable as missing:
        pytest.skip(str(missing))
    path = os.pathsep.join((str(PLUGIN.parent), os.environ["PATH"]))
    done = subprocess.run(
        [kubectl, "reelplane", "drain", "--help"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: kubectl reelplane drain" in done.stdout


def test_without_the_extra_the_way_to_it_is_said():
    code = (
        "import sys; sys.modules['aiohttp'] = None; sys.argv = ['kubectl-reelplane', 'status'];"
        "from reelplane_cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "aiohttp" in done.stderr
    assert "pip install 'reelplane[operator]'" in done.stderr


def test_without_a_cluster_that_is_said(tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run([PLUGIN, "status"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "--kubeconfig" in done.stderr
