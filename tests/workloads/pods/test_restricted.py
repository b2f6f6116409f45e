"""What the restricted Pod Security profile leaves to a container is enough for a whole job."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelplane_crds.runtime import ServerRef
from tests.servers.s3 import s3_server

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]


@pytest.fixture
def enclosed() -> list[str]:
    """What runs a command in the enclosure; its first argument is still to come."""
    if sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("needs root on Linux, to make everything read-only in a mount namespace of its own")
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("needs unshare and setpriv (Debian: util-linux)")
    if Path(sys.prefix).is_relative_to("/tmp"):
        pytest.skip(
            "the enclosed process has a /tmp of its own, and so cannot see a checkout that is below /tmp"
        )
    program = str(Path(__file__).with_name("enclosure.py"))
    return ["unshare", "--mount", "--propagation", "private", sys.executable, program]


def test_a_job_runs_with_a_read_only_root_as_an_unknown_user(
    *,
    enclosed: list[str],
    documents: Any,
    run: Any,
    helpers: Any,
    valkey: Any,
    postgres_url: str,
    short_tmp: Path,
    origin: Any,
    clip: Path,
) -> None:
    short_tmp.chmod(0o755)
    valkey.folder.chmod(0o755)
    valkey.socket.chmod(0o777)
    inside = Path("/mnt")
    with s3_server() as s3:
        for file in (s3.access_key_file, s3.secret_key_file):
            shutil.copy(file, short_tmp / file.name)
        queue = ServerRef(url=f"unix://{inside}/vk/valkey.sock")
        stores = {
            "cache": queue,
            "queue": queue,
            "database": ServerRef(url=postgres_url),
            "objects": s3.settings(access_key_file=inside / "access", secret_key_file=inside / "secret"),
        }
        prefix = (*enclosed, str(short_tmp), "work", "--")
        api, worker = (
            run(document, name=document.role, prefix=prefix, seen_from=inside)
            for document in documents(
                stores, root=inside, work_dir=Path("/srv/work"), socket_dir=Path("/run/reelplane")
            )
        )
        for pod in (api, worker):
            helpers.until(pod.ready, f"{pod.log.stem} is ready")
        status = Path(f"/proc/{worker.process.pid}/status").read_text()
        assert "Uid:\t65532" in status
        assert "CapBnd:\t0000000000000000" in status

        url = origin.add_file("/clip.mp4", clip)
        with httpx.Client(base_url=api.url, timeout=60) as client:
            job = client.post("/v1/downloads", json={"url": url}).json()
            view = helpers.until(
                lambda: (
                    (now := client.get(f"/v1/downloads/{job['id']}").json())["state"] in ("done", "failed")
                    and now
                ),
                "the job ends",
            )
            assert view["state"] == "done", worker.said()[-3000:]
            assert httpx.get(view["media"]["url"]).content == clip.read_bytes()
        for pod in (api, worker):
            for word in ("Read-only file system", "Permission denied", "Traceback", "getpwuid"):
                assert word not in pod.said(), pod.said()[-3000:]
