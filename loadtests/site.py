"""The site that local load tests bring videos from: an ``Origin`` in a process of its own, told and asked by pipe.

The load generator runs on gevent and must not share its time with the one it measures against. Protocol, a line
each: the site says ``{"known": [...], "fresh": [...], "viral": "..."}`` (URLs) when it serves; to every line that it
is sent it answers ``{"most": n}``, the extractions that its most often extracted video has seen; it ends with its
standard input.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from loadtests.origin import Origin, make_clip

KNOWN = 8
FRESH = 5000
"""More than any test gets through: a job costs about a second of CPU."""
KNOWN_SIZE = 6 * 2**20
"""Bytes of a known video: more than the longest a viewer watches (16 pieces)."""


def serve() -> None:
    """Run the site until standard input ends."""
    with tempfile.TemporaryDirectory(prefix="rp-site") as name, Origin() as origin:
        folder = Path(name)
        known = []
        for number in range(KNOWN):
            clip = make_clip(
                folder / f"known-{number}.mp4", seconds=2, tone=300 + 50 * number, pad_to=KNOWN_SIZE
            )
            known.append(f"/known-{number}.mp4")
            origin.add_file(known[-1], clip)
        clip = make_clip(folder / "fresh.mp4", seconds=2)
        fresh = [f"/fresh-{number}.mp4" for number in range(FRESH)]
        for path in [*fresh, "/viral.mp4"]:
            origin.add_file(path, clip)
        urls = {"known": known, "fresh": fresh}
        said = {kind: [origin.url(path) for path in paths] for kind, paths in urls.items()}
        print(json.dumps(said | {"viral": origin.url("/viral.mp4")}), flush=True)
        for _ in sys.stdin:
            most = max(origin.count(path).whole for path in [*known, *fresh, "/viral.mp4"])
            print(json.dumps({"most": most}), flush=True)


class Site:
    """The process that runs ``serve``, as a context manager."""

    def __enter__(self) -> Site:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.site"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        said = self._read()
        self.known: list[str] = said["known"]
        self.fresh: list[str] = said["fresh"]
        self.viral: str = said["viral"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)

    def extractions(self) -> int:
        """How often the most often extracted video was extracted so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("count\n")
        self._process.stdin.flush()
        return int(self._read()["most"])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the site ended with {self._process.wait()}")
        said: dict[str, Any] = json.loads(line)
        return said


if __name__ == "__main__":
    serve()
