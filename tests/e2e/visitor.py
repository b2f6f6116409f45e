"""A visitor of a platform, and the platforms that the end-to-end tests declare."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

DEMO = Path(__file__).parents[2] / "loadtests/demo.yaml"
TERMINAL = ("done", "failed", "cancelled")


class Client:
    """One visitor: keeps its cookie, and follows jobs to their end."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, transport=transport)

    def submit(self, url: str, **options: Any) -> httpx.Response:
        return self.http.post("/v1/downloads", json={"url": url, **options})

    def job(self, job_id: str) -> dict[str, Any]:
        """The job now. An API process that dies under the request is stepped over."""
        for attempt in range(10):
            try:
                answer = self.http.get(f"/v1/downloads/{job_id}")
                answer.raise_for_status()
                return dict(answer.json())
            except httpx.TransportError:
                if attempt == 9:
                    raise
                time.sleep(0.2)
        raise AssertionError("unreachable")

    def until(
        self, job_id: str, check: Callable[[dict[str, Any]], bool], within: float = 90
    ) -> dict[str, Any]:
        deadline = time.monotonic() + within
        while not check(view := self.job(job_id)):
            assert time.monotonic() < deadline, f"not within {within} s: {view}"
            time.sleep(0.05)
        return view

    def end(self, job_id: str, within: float = 90) -> dict[str, Any]:
        """The job once it is done, failed or cancelled."""
        return self.until(job_id, lambda view: view["state"] in TERMINAL, within)

    def download(self, url: str, **options: Any) -> dict[str, Any]:
        """Submit and follow: the job's or the hit's final view."""
        answer = self.submit(url, **options)
        if answer.status_code == 200:
            return dict(answer.json())
        assert answer.status_code == 202, answer.text
        return self.end(answer.json()["id"])


def write_platform(path: Path, name: str, **changes: Any) -> Path:
    """The demo's CRs under another name; ``changes`` maps ``platform`` and ``pipeline`` to parts of their specs."""
    platform, pipeline = yaml.safe_load_all(DEMO.read_text())
    platform["metadata"]["name"] = pipeline["metadata"]["name"] = pipeline["spec"]["platform"] = name
    platform["spec"]["api"]["rateLimits"] = {"info": "1000/min", "download": "1000/min"}
    platform["spec"] |= changes.get("platform", {})
    pipeline["spec"] |= changes.get("pipeline", {})
    path.write_text(yaml.safe_dump_all([platform, pipeline]))
    return path
