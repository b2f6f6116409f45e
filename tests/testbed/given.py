"""Whose cluster the tests use: one that a person gives and has marked as a test cluster, or one of our own.

``KUBECONFIG`` alone is no permission: most people have it set, and to clusters that matter. The cluster itself
must say that it may be used, by a label on its namespace kube-system whose value is its profile:

    kubectl label namespace kube-system reelplane.io/test-cluster=api       (or scale, or node)

Clusters started by ``python -m tests.testbed up`` carry it. Any other is never touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tests.testbed import toolchain

MARK = "reelplane.io/test-cluster"
ROOT = Path(__file__).parents[2]


class Cluster(Protocol):
    """What tests may ask of any cluster, their own or a given one. Objects they make are theirs to delete."""

    @property
    def kubeconfig(self) -> Path: ...

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]: ...

    def get(self, *arguments: str) -> dict[str, Any]: ...


class GivenCluster:
    """A cluster that is not ours to stop, reached with its owner's kubeconfig."""

    def __init__(self, kubeconfig: Path, profile: str) -> None:
        self.kubeconfig = kubeconfig
        self.profile = profile

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        program = shutil.which("kubectl") or toolchain.program("kubectl")
        return run_kubectl(program, self.kubeconfig, *arguments, input=input, check=check)

    def get(self, *arguments: str) -> dict[str, Any]:
        return read(self.kubectl("get", "-o", "json", *arguments))


def given(*profiles: str) -> tuple[GivenCluster | None, str]:
    """The cluster of ``KUBECONFIG`` if it is marked with one of ``profiles``, and the reason when there is none."""
    path = os.environ.get("KUBECONFIG", "")
    if not path:
        return None, "KUBECONFIG is not set"
    if not Path(path).is_file():
        return None, f"KUBECONFIG={path} is not one file"
    found = GivenCluster(Path(path), "")
    try:
        done = found.kubectl(
            "get", "namespace", "kube-system", "-o", "json", "--request-timeout=5s", check=False
        )
    except toolchain.Unavailable as why:
        return None, str(why)
    if done.returncode != 0:
        return None, f"the cluster of KUBECONFIG={path} does not answer: {done.stderr.strip()[-200:]}"
    found.profile = read(done)["metadata"].get("labels", {}).get(MARK, "")
    if found.profile not in profiles:
        return None, (
            f"the cluster of KUBECONFIG={path} is not used, for its namespace kube-system"
            f" has no label {MARK}={'|'.join(profiles)}"
        )
    return found, ""


def run_kubectl(
    program: Path | str,
    kubeconfig: Path,
    *arguments: str,
    input: str | None = None,
    check: bool = True,
    home: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run kubectl. Raises CalledProcessError, with kubectl's words as a note, unless ``check`` is False.

    ``home`` is where it keeps what it has learned of a cluster. It tells clusters apart by host and port, which
    ours use again and again, so each of ours has a home of its own.
    """
    done = subprocess.run(
        [program, f"--kubeconfig={kubeconfig}", *arguments],
        input=input,
        text=True,
        capture_output=True,
        check=False,
        env=None if home is None else {"HOME": str(home), "PATH": os.defpath},
    )
    if check and done.returncode != 0:
        error = subprocess.CalledProcessError(
            done.returncode, ["kubectl", *arguments], done.stdout, done.stderr
        )
        error.add_note(done.stderr.strip())
        raise error
    return done


def read(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON object that kubectl printed."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def install_kinds(kubectl: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Put the CRDs of the tree there as a person puts them, and wait until they are served."""
    kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    wait_established(kubectl)


def wait_established(kubectl: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Wait until all CRDs are served. ``kubectl wait`` fails on one that has no conditions yet."""
    for _ in range(100):
        done = kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=240s", check=False)
        if "accessor error" not in done.stderr:
            break
        time.sleep(0.1)
    done.check_returncode()
