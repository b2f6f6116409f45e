"""What a job costs beyond the extractor itself, how much memory a stream takes, and how soon the platform is ready."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil

from loadtests.bench import servers
from loadtests.bench.result import Result, median
from loadtests.local import LocalPlatform, PlatformError, eventually
from loadtests.origin import Origin, Resource, make_clip

EXTRACTOR = Path(sys.prefix) / "extractor"
SIZE = 200 * 10**6
RATE = 20 * 10**6
ROUNDS = 3
GIB = 2**30


def download_overhead() -> Result:
    """200 MB through a job from an origin limited to 20 MB/s, against the bare yt-dlp command."""
    with servers.workspace() as folder:
        with (
            Origin() as origin,
            LocalPlatform([servers.PLATFORM], folder / "s", log=folder / "up.log") as platform,
        ):
            pairs = []
            for turn in range(ROUNDS):
                clip = make_clip(folder / "large.mp4", seconds=3, tone=300 + turn, pad_to=SIZE)
                url = origin.add(f"/large-{turn}.mp4", Resource(file=clip, rate=RATE))
                pairs.append(
                    (
                        _job(platform, url),
                        _bare(origin.add("/bare.mp4", Resource(file=clip, rate=RATE)), folder),
                    )
                )
        ours, bare = (median([pair[side][0] for pair in pairs]) for side in (0, 1))
        our_cpu, bare_cpu = (median([pair[side][1] for pair in pairs]) for side in (0, 1))
    note = f"200 MB at 20 MB/s, medians of {ROUNDS} in turns; CPU {our_cpu:.2f} s, bare {bare_cpu:.2f} s"
    return Result(ours, "s wall", bare, "<= 1.10 x bare yt-dlp", ours <= 1.10 * bare, note)


def stream_memory() -> Result:
    """Streaming a 1 GiB object: by how much the API process grows."""
    with servers.workspace() as folder, servers.platform_with_clip(folder) as (platform, url):
        key = _huge_object(platform)
        address, pid = platform.addresses()[0], platform.processes("api")[0]["pid"]
        with httpx.Client(base_url=address, timeout=120) as client:
            client.get("/v1/downloads")  # so that lazily loaded code is not counted
            client.post("/v1/downloads", json={"url": url})
            watch = _Peak(pid)
            with watch:
                for _ in range(2):
                    _stream(client, key)
    grown = (watch.peak - watch.start) / 2**20
    note = f"two streams of 1 GiB one after the other; {watch.start / 2**20:.0f} MiB before"
    return Result(grown, "MiB", 32, "< 32 MiB", grown < 32, note)


def ready() -> Result:
    """From ``reelplane up`` to the first 200 on /readyz, with an empty state folder."""
    times = []
    for _ in range(5):
        with servers.workspace() as folder:
            port = servers.free_port()
            arguments = ("--port", str(port))
            platform = LocalPlatform(
                [servers.PLATFORM], folder / "s", log=folder / "up.log", arguments=arguments
            )
            began = time.monotonic()
            starting = threading.Thread(target=platform.start)
            starting.start()
            try:
                eventually(lambda: _is_ready(port), within=60, what="/readyz answers 200", every=0.01)  # noqa: B023
                times.append(time.monotonic() - began)
            finally:
                starting.join()
                platform.stop()
    value = median(times)
    note = f"median of {len(times)}, from {min(times):.2f} to {max(times):.2f} s"
    return Result(value, "s", 3, "< 3 s", value < 3, note)


def _job(platform: LocalPlatform, url: str) -> tuple[float, float]:
    """Wall and CPU seconds (all workers and their children) of one job."""
    before, began = _cpu(platform), time.monotonic()
    with httpx.Client(base_url=platform.url, timeout=30) as client:
        answer = client.post("/v1/downloads", json={"url": url})
        job = answer.raise_for_status().json()["id"]

        def done() -> bool:
            state = client.get(f"/v1/downloads/{job}").raise_for_status().json()["state"]
            if state in ("failed", "cancelled"):
                raise PlatformError(f"the job {state}\n{platform.log_tail()}")
            return bool(state == "done")

        eventually(done, within=120, what="the job is done")
    return time.monotonic() - began, _cpu(platform) - before


def _bare(url: str, folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the yt-dlp command with the same settings."""
    target = folder / "bare.out.mp4"
    command = [
        sys.executable,
        "-m",
        "yt_dlp",
        "--quiet",
        "--no-config",
        "-N",
        "4",
        "--http-chunk-size",
        "10M",
    ]
    command += ["--buffer-size", "16K", "--no-cache-dir", "-o", str(target), url]
    before, began = os.times(), time.monotonic()
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(EXTRACTOR)}, cwd=folder)
    after = os.times()
    wall = time.monotonic() - began
    target.unlink()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def _cpu(platform: LocalPlatform) -> float:
    """CPU seconds of the workers so far, with those of children that have ended (which their parents inherit)."""
    seconds = 0.0
    for process in platform.processes("worker"):
        times = psutil.Process(process["pid"]).cpu_times()
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _huge_object(platform: LocalPlatform) -> str:
    """Put 1 GiB of zeros (a sparse file) where the platform keeps objects, under its content's name."""
    digest = hashlib.sha256()
    block = bytes(2**20)
    for _ in range(GIB // len(block)):
        digest.update(block)
    name = digest.hexdigest()
    key = f"{name[:2]}/{name}.mp4"
    sample = next(path for path in (platform.folder / "objects").rglob("*.mp4"))
    root = sample.parent.parent
    (root / name[:2]).mkdir(exist_ok=True)
    with (root / key).open("wb") as file:
        file.truncate(GIB)
    return key


def _stream(client: httpx.Client, key: str) -> None:
    link = client.get(f"/v1/media/{key}")
    if link.status_code != 302:
        raise PlatformError(f"GET /v1/media/{key} answered {link.status_code}")
    size = 0
    with client.stream("GET", link.headers["location"]) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_raw(2**20):
            size += len(chunk)
    if size != GIB:
        raise PlatformError(f"the stream brought {size} of {GIB} bytes")


class _Peak:
    """Resident memory of a process: at the start, and at its highest."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.start = self.peak = 0

    def __enter__(self) -> _Peak:
        self.start = self.peak = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.peak = max(self.peak, self._process.memory_info().rss)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
