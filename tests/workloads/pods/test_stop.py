"""A pod that waits for something that never answers ends when it is told to, and not when the waiting would."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelplane_crds.runtime import ServerRef

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]
MUTE_NAMES = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable]
MUTE_NAMES += [str(Path(__file__).with_name("mute_names.py"))]
ENDS = 45.0
"""Seconds for a pod to end on a busy machine. The resolver alone would keep it for 150."""


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that lets everybody connect and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.mark.parametrize("role", ["api", "worker"])
def test_a_database_that_says_nothing_is_waited_for_until_the_pod_is_told_to_stop(
    *, documents: Any, run: Any, helpers: Any, valkey: Any, mute: int, role: str
) -> None:
    ref = ServerRef(url=valkey.url)
    database = ServerRef(url=f"postgresql://reelplane@127.0.0.1:{mute}/none")
    document = next(
        each for each in documents({"cache": ref, "queue": ref, "database": database}) if each.role == role
    )
    pod = run(document)
    helpers.until(lambda: "does not answer" in pod.get("/readyz").text, "it says for what it waits")
    pod.terminate()
    assert end_of(pod) == 0, pod.said()


@pytest.mark.parametrize("away", ["database", "queue"])
@pytest.mark.parametrize("role", ["api", "worker"])
def test_names_that_are_never_answered_hold_up_no_pod_that_is_told_to_stop(
    *, documents: Any, run: Any, helpers: Any, local: dict[str, Any], away: str, role: str
) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("namespaces in which names have no answer need root and unshare")
    nowhere = {
        "database": ServerRef(url="postgresql://reelplane@database.test/none"),
        "queue": ServerRef(url="redis://queue.test:6379"),
    }
    stores = {**local, away: nowhere[away]}
    pod = run(next(each for each in documents(stores) if each.role == role), prefix=MUTE_NAMES)
    helpers.until(lambda: asked(pod.process), "it asks for a name")
    pod.terminate()
    assert end_of(pod) == 0, pod.said()


def end_of(pod: Any) -> int | None:
    """Its exit code; None when it has not ended within ENDS."""
    try:
        code: int = pod.process.wait(timeout=ENDS)
    except subprocess.TimeoutExpired:
        return None
    return code


def asked(process: subprocess.Popen[bytes]) -> bool:
    """Whether a question lies in the inbox of the process' name server."""
    for line in Path(f"/proc/{process.pid}/net/udp").read_text().splitlines()[1:]:
        _, local, _, _, queues, *_ = line.split()
        if local.endswith(":0035"):
            return int(queues.partition(":")[2], 16) > 0
    return False
