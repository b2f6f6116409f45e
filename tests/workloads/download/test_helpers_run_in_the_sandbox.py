"""What the extractor needs beside Python (a JavaScript runtime, a browser's TLS) works where the child is locked in."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from loadtests.origin import Origin

if TYPE_CHECKING:
    from tests.workloads.download.conftest import Bench

CHILD = """
import json, os, subprocess, sys
from reelplane_workloads.egress import sandbox
given = json.loads(sys.stdin.readline())
isolation = sandbox.enter(sandbox.SandboxSpec(**given["spec"]))
os.environ.update(HOME=given["spec"]["work_dir"], TMPDIR=given["spec"]["work_dir"])
sys.path.insert(0, given["extractor"])
import yt_dlp
from yt_dlp.networking import Request
from yt_dlp.networking.impersonate import ImpersonateTarget
deno = given["extractor"] + "/bin/deno"
with yt_dlp.YoutubeDL({"quiet": True, "proxy": isolation.proxy_url, "js_runtimes": {"deno": {"path": deno}}}) as ydl:
    runtime = ydl._js_runtimes["deno"].info
    page = ydl.urlopen(Request(given["url"], extensions={"impersonate": ImpersonateTarget("chrome")})).read()
program = b"console.log([1, 2, 3].map((x) => x * x).join())"
script = subprocess.run([deno, "run", "-"], input=program, capture_output=True)
print(json.dumps({"runtime": runtime.supported, "page": page.decode(), "script": script.stdout.decode().strip(),
                  "said": script.stderr.decode()[-500:], "level": isolation.level}))
"""


async def test_deno_and_impersonation_work_inside(bench: Bench, origin: Origin) -> None:
    assert bench.settings.extractor is not None
    assert bench.settings.worker is not None
    url = origin.add_page("/page", [], title="seen")
    folder = bench.work / "f1"
    folder.mkdir()
    grant = bench.guard.grant()
    extractor = bench.settings.extractor.path
    spec = bench.guard.sandbox(
        grant,
        work_dir=folder,
        readable=[extractor],
        max_file_size=2**29,
        memory_limit=bench.settings.worker.memory_limit,
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path("/"),
    )
    out, _ = await child.communicate(
        json.dumps({"spec": asdict(spec), "extractor": str(extractor), "url": url}).encode() + b"\n"
    )
    told = json.loads(out)
    assert told["runtime"] is True, told
    assert told["script"] == "1,4,9", told
    assert "<title>seen</title>" in told["page"]
    assert "Chrome" in origin.count("/page").agents[0]
