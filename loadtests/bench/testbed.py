"""How soon a Kubernetes control plane is ready for a test, and what building it took."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from loadtests.bench.result import Result, median
from loadtests.bench.wrk import MissingTool
from tests.testbed import toolchain
from tests.testbed.cluster import ControlPlane

ROUNDS = 3
WARM_TARGET = 6.0


def testbed() -> Result:
    """Warm start of the profile ``api``: etcd, API server and controller manager, until a namespace takes pods."""
    times = []
    try:
        for command in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"):
            toolchain.program(command, lambda line: print(line, flush=True))
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(prefix="rp-cluster-") as folder:
                began = time.monotonic()
                with ControlPlane.start("api", folder=Path(folder)):
                    times.append(time.monotonic() - began)
    except toolchain.Unavailable as missing:
        raise MissingTool(str(missing)) from missing
    note = f"median of {ROUNDS}; {_cold()}"
    value = median(times)
    return Result(value, "s", None, f"< {WARM_TARGET:g} s", value < WARM_TARGET, note)


def _cold() -> str:
    """What the cold builds on this machine took, as far as they were made here and not given."""
    built = toolchain.build_seconds()
    if not built:
        return "programs were not built here"
    slowest = max(built, key=lambda name: built[name])
    return (
        f"cold build of {len(built)} of {len(toolchain.PARTS)} parts {sum(built.values()) / 60:.1f} min"
        f" (longest {slowest} {built[slowest]:.0f} s)"
    )
