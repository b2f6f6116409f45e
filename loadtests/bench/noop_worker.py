"""A worker whose jobs do nothing: what is left is the platform's own path from dispatch to publish.

``python -m loadtests.bench.noop_worker DOCUMENT FILE PORT``: every download "brings" FILE, every info is empty.
"""

from __future__ import annotations

import hashlib
import socket
import sys
from pathlib import Path

from reelplane_crds.runtime import RuntimeDocument
from reelplane_workloads.core import logs
from reelplane_workloads.download.protocol import Found
from reelplane_workloads.download.runner import (
    ChooseEgress,
    Downloaded,
    InfoOnly,
    OnInfo,
    OnProgress,
    Outcome,
    Runner,
    Stopped,
)
from reelplane_workloads.egress.guard import Guard
from reelplane_workloads.store.model import Flight, FlightKind
from reelplane_workloads.worker.main import run


class NoopRunner(Runner):
    """Answers at once, going through the same steps as an extraction: egress chosen, identity entered."""

    def __init__(self, document: RuntimeDocument, guard: Guard) -> None:
        super().__init__(document, guard, warm=False)
        self._file = Path(sys.argv[2])
        self._sha256 = hashlib.sha256(self._file.read_bytes()).hexdigest()

    async def run(
        self, flight: Flight, *, choose_egress: ChooseEgress, on_info: OnInfo, on_progress: OnProgress
    ) -> Outcome:
        await choose_egress("generic")
        if flight.kind is FlightKind.INFO:
            return InfoOnly({})
        if await on_info(Found("generic", "noop", "noop", flight.url, 1.0, None, {})) == "stop":
            return Stopped()
        return Downloaded(
            path=self._file,
            sha256=self._sha256,
            size=self._file.stat().st_size,
            extension="mp4",
            content_type="video/mp4",
            duration=1.0,
            width=16,
            height=16,
            has_video=True,
            has_audio=True,
            title="noop",
            webpage_url=flight.url,
            received=0,
        )


if __name__ == "__main__":
    logs.setup(level="warning")
    listener = socket.create_server(("127.0.0.1", int(sys.argv[3])))
    sys.exit(run(RuntimeDocument.load(Path(sys.argv[1])), "noop", listener, runner_factory=NoopRunner))
