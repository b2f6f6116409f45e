"""``make demo``: the platform's claims, shown on this machine in under a minute, with a report at the end.

A real video is made and served by a counting origin on loopback. It is asked for once and followed; then a thousand
times at once, in three spellings, through both API processes; then a worker and an API process are killed with
SIGKILL in the middle of two further downloads. Exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.client import Answer, Connection
from loadtests.local import LocalPlatform, PlatformError, eventually, exit_on_sigterm
from loadtests.origin import Origin, Resource, make_clip

REQUESTS = 1000
SLOW = 2 * 2**20
"""Bytes a second of the origin for the downloads in whose middle something is killed: 3 s each."""
SLOW_SIZE = 6 * 2**20
JOB_WITHIN = 45.0
FILE = Path(__file__).with_name("demo.yaml")


@dataclass
class Report:
    """Claims as they are found true or false, and the figures of the last line."""

    failed: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)

    def claim(self, holds: bool, text: str) -> None:
        say(("  yes  " if holds else "  NO   ") + text)
        if not holds:
            self.failed.append(text)


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    exit_on_sigterm()
    began = time.monotonic()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="rp-demo-") as name:
        folder = Path(name)
        say("making three videos (moving picture and tone)")
        clips = [
            make_clip(folder / "one.mp4", seconds=5, tone=440),
            make_clip(folder / "two.mp4", seconds=5, tone=554, pad_to=SLOW_SIZE),
            make_clip(folder / "three.mp4", seconds=5, tone=659, pad_to=SLOW_SIZE),
        ]
        with Origin() as origin:
            origin.add("/one.mp4", Resource(file=clips[0], rate=SLOW))
            for path, clip in (("/two.mp4", clips[1]), ("/three.mp4", clips[2])):
                origin.add(path, Resource(file=clip, rate=SLOW))
            platform = LocalPlatform([FILE], folder / "state", log=folder / "up.log")
            try:
                with platform:
                    asyncio.run(Demo(platform, origin, clips[0], report).run())
            except (PlatformError, OSError, KeyError) as error:
                report.failed.append(f"{type(error).__name__}: {error}")
                say(f"{error}\n{platform.log_tail()}")
    seconds = time.monotonic() - began
    figures = ", ".join(f"{name} {value}" for name, value in report.figures.items())
    if report.failed:
        say(f"demo: FAILED ({len(report.failed)} claims) in {seconds:.0f} s; {figures}")
        return 1
    say(f"demo: ok in {seconds:.0f} s; {figures}")
    return 0


class Demo:
    def __init__(self, platform: LocalPlatform, origin: Origin, clip: Path, report: Report) -> None:
        self._platform, self._origin, self._clip, self._report = platform, origin, clip, report
        self._cookie = ""

    async def run(self) -> None:
        addresses = self._platform.addresses()
        say(f"the platform is up at {self._platform.url}: {len(addresses)} API processes")
        await self._one_download()
        await self._a_thousand_at_once(addresses)
        await self._kill_in_the_middle("/two.mp4", "a worker", self._kill_worker)
        await self._kill_in_the_middle("/three.mp4", "an API process", self._kill_api)
        await self._extractions()

    async def _one_download(self) -> None:
        say("\n1. one download, followed to its end")
        job = await self._submit(self._origin.url("/one.mp4"))
        phases: list[str] = []

        def show(view: dict[str, Any]) -> bool:
            done, total = (
                view.get("progress", {}).get("bytes") or 0,
                view.get("progress", {}).get("total") or 0,
            )
            text = f"{view['state']} {100 * done // total}%" if total else str(view["state"])
            if not phases or phases[-1] != text:
                phases.append(text)
            return view["state"] not in ("queued", "running")

        view = await self._follow(job, show)
        say("  " + " > ".join(phases[:1] + phases[1:-1][-6:] + phases[-1:]))
        self._report.claim(
            view["state"] == "done", f"the job is done: {view.get('media', {}).get('size')} bytes"
        )
        media = await self._get(view["media"]["url"])
        original = self._clip.read_bytes()
        self._report.claim(media.body == original, "what is served is the video, byte for byte")

    async def _a_thousand_at_once(self, addresses: list[str]) -> None:
        base = self._origin.url("/one.mp4")
        spellings = [base, base.replace("http://", "HTTP://") + "#t=1", base + "?utm_source=demo&fbclid=1"]
        say(f"\n2. {REQUESTS:,} requests at once, {len(spellings)} spellings, {len(addresses)} API processes")
        before = self._origin.requests()
        connections = [await Connection(addresses[i % len(addresses)]).open() for i in range(REQUESTS)]
        times: list[float] = []

        async def ask(number: int, connection: Connection) -> Answer:
            started = time.perf_counter()
            url = spellings[number // len(addresses) % len(spellings)]
            answer = await connection.request("POST", "/v1/downloads", {"url": url})
            times.append(time.perf_counter() - started)
            return answer

        answers = await asyncio.gather(*(ask(n, c) for n, c in enumerate(connections)))
        await asyncio.gather(*(connection.close() for connection in connections))
        hits = sum(answer.status == 200 and answer.json()["state"] == "done" for answer in answers)
        keys = {answer.json()["media"]["key"] for answer in answers if answer.status == 200}
        cuts = statistics.quantiles(times, n=100)
        self._report.claim(hits == REQUESTS, f"{hits:,} of {REQUESTS:,} answered with a link at once")
        self._report.claim(len(keys) == 1, "all of them to one object")
        self._report.claim(self._origin.requests() == before, "the origin was not asked again")
        self._report.figures |= {
            "hit rate": f"{100 * hits / REQUESTS:.1f}%",
            "p50": f"{1000 * cuts[49]:.0f} ms",
            "p99": f"{1000 * cuts[98]:.0f} ms",
        }
        say(
            f"  p50 {1000 * cuts[49]:.0f} ms, p99 {1000 * cuts[98]:.0f} ms with all {REQUESTS:,} waiting at once"
        )

    async def _kill_in_the_middle(self, path: str, what: str, kill: Callable[[str], Awaitable[None]]) -> None:
        say(f"\n{3 if what == 'a worker' else 4}. {what} is killed (SIGKILL) in the middle of a download")
        job = await self._submit(self._origin.url(path))
        middle = SLOW_SIZE // 4

        def under_way(view: dict[str, Any]) -> bool:
            return (view.get("progress", {}).get("bytes") or 0) > middle or view["state"] not in (
                "queued",
                "running",
            )

        view = await self._follow(job, under_way)
        at = self._origin.count(path).bytes
        await kill(job)
        killed = time.monotonic()
        view = await self._follow(job, lambda view: view["state"] not in ("queued", "running"))
        took = time.monotonic() - killed
        sent = self._origin.count(path).bytes
        self._report.claim(
            view["state"] == "done",
            f"killed after {at / 2**20:.1f} MiB, done {took:.1f} s later: {view['state']}",
        )
        share = sent / SLOW_SIZE
        self._report.claim(
            share < 1.6, f"the origin sent {share:.2f} times the file: the transfer was resumed"
        )
        recovered = int(self._report.figures.get("recovered jobs", "0")) + (view["state"] == "done")
        self._report.figures["recovered jobs"] = str(recovered)

    async def _kill_worker(self, job: str) -> None:
        worker = eventually(self._platform.busy_worker, within=10, what=f"a worker says that it runs {job}")
        self._platform.kill_process(worker["pid"])

    async def _kill_api(self, job: str) -> None:
        self._platform.kill_process(self._platform.processes("api")[0]["pid"])

    async def _extractions(self) -> None:
        say("\n5. what it cost")
        # Processes add their counters up in memory and write them once a second.
        await asyncio.sleep(2.5)
        downloads = self._platform.status()["downloads"]
        self._report.claim(
            downloads["extractions"] == 3, f"{downloads['extractions']} extractions for 3 videos"
        )
        self._report.figures = {
            "extractions per video": f"{downloads['extractions'] / 3:g}",
            **self._report.figures,
        }

    async def _submit(self, url: str) -> str:
        answer = await self._ask("POST", "/v1/downloads", {"url": url})
        if answer.status != 202:
            raise PlatformError(f"POST /v1/downloads answered {answer.status}: {answer.body.decode()}")
        self._cookie = answer.headers.get("set-cookie", self._cookie).partition(";")[0]
        return str(answer.json()["id"])

    async def _follow(self, job: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll the job until ``until`` says so. The API process that answers may die meanwhile: another one does."""
        deadline = time.monotonic() + JOB_WITHIN
        while time.monotonic() < deadline:
            view = json.loads((await self._ask("GET", f"/v1/downloads/{job}")).body)
            if until(view):
                return dict(view)
            await asyncio.sleep(0.05)
        raise PlatformError(f"job {job} got no further within {JOB_WITHIN:g} s: {view}")

    async def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request to the public URL, tried again on a fresh connection when an API process dies under it."""
        for _ in range(20):
            connection = Connection(self._platform.url)
            try:
                return await connection.request(
                    method, path, body, {"Cookie": self._cookie} if self._cookie else None
                )
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.1)
            finally:
                await connection.close()
        raise PlatformError(f"{method} {path}: no answer in 20 tries")

    async def _get(self, url: str) -> Answer:
        path = url if url.startswith("/") else "/" + url.split("/", 3)[3]
        return await self._ask("GET", path)


if __name__ == "__main__":
    sys.exit(main())
