"""A worker pod that is deleted takes nothing new, finishes what it runs, and hands back what it cannot."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from loadtests.origin import Resource

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]


class Platform:
    """An API pod and what a visitor sees through it."""

    def __init__(self, api: Any, helpers: Any) -> None:
        self.http = httpx.Client(base_url=api.url, timeout=60)
        self.until = helpers.until

    def submit(self, url: str) -> str:
        answer = self.http.post("/v1/downloads", json={"url": url})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.http.get(f"/v1/downloads/{job_id}").json())

    def worker(self, name: str) -> dict[str, Any] | None:
        workers = self.http.get("/v1/status").json()["workers"]
        return next((one for one in workers if one["id"].startswith(f"{name}-")), None)


@pytest.fixture
def platform(documents: Any, local: Any, run: Any, helpers: Any) -> Platform:
    document, _ = documents(local)
    api = run(document, name="api-0")
    helpers.until(api.ready, "the API is ready")
    return Platform(api, helpers)


def test_sigterm_takes_no_new_job_says_so_and_finishes_the_running_one(
    *, platform: Platform, documents: Any, local: Any, run: Any, helpers: Any, origin: Any, clip: Any
) -> None:
    slow = origin.add("/slow.mp4", Resource(file=clip, rate=clip.stat().st_size // 6))
    next_one = origin.add_file("/next.mp4", clip)
    _, document = documents(local, drain_timeout=60)
    leaving = run(document, name="download-0")
    job = platform.submit(slow)
    helpers.until(
        lambda: platform.job(job).get("progress") and origin.count("/slow.mp4").bytes, "it downloads"
    )
    leaving.terminate()
    helpers.until(lambda: (platform.worker("download-0") or {})["draining"], "it says that it drains", 10)
    assert platform.worker("download-0")["extractor"]  # type: ignore[index]
    waiting = platform.submit(next_one)
    assert leaving.process.wait(timeout=90) == 0
    assert platform.job(job)["state"] == "done"
    view = platform.job(job)
    assert view["attempt"] == 1
    assert platform.job(waiting)["state"] == "queued"
    helpers.until(lambda: platform.worker("download-0") is None, "it is listed no more", 10)
    run(document, name="download-1")
    helpers.until(lambda: platform.job(waiting)["state"] == "done", "its successor runs what waited")


def test_a_second_sigterm_hands_back_at_once_and_another_worker_finishes(
    *, platform: Platform, documents: Any, local: Any, run: Any, helpers: Any, origin: Any, clip: Any
) -> None:
    stuck = origin.add("/stuck.mp4", Resource(file=clip, stall_after=10_000, faults=2))
    _, document = documents(local, drain_timeout=600)
    leaving = run(document, name="download-0")
    job = platform.submit(stuck)
    helpers.until(lambda: (platform.worker("download-0") or {}).get("busy"), "it runs")
    helpers.until(lambda: origin.count("/stuck.mp4").bytes, "it downloads")
    leaving.terminate()
    helpers.until(lambda: (platform.worker("download-0") or {})["draining"], "it drains", 10)
    leaving.terminate()
    assert leaving.process.wait(timeout=30) == 0
    assert platform.job(job)["state"] == "queued"
    run(document, name="download-1")
    helpers.until(lambda: platform.job(job)["state"] == "done", "another worker finishes it")
    assert platform.job(job)["attempt"] == 2
    status = platform.http.get("/v1/status").json()
    assert status["queue"]["backlog"] == 0
