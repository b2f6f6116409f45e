"""Where things are, per target. Pure path arithmetic: nothing here is created or looked at."""

from __future__ import annotations

from pathlib import Path

from reelplane_plan.types import Layout


def local(state: Path, *, sockets: Path, extractor: Path) -> Layout:
    """The state folder of one platform on one machine."""
    return Layout(
        secrets=state / "secrets",
        sockets=sockets,
        database=state / "reelplane.db",
        objects=state / "objects",
        valkey=state / "valkey",
        work=state / "work",
        extractor=extractor,
    )


CLUSTER = Layout(
    secrets=Path("/etc/reelplane/secrets"),
    sockets=Path("/run/reelplane"),
    database=Path("/var/lib/reelplane/reelplane.db"),
    objects=Path("/var/lib/reelplane/objects"),
    valkey=Path("/data"),
    work=Path("/var/lib/reelplane/work"),
    extractor=Path("/opt/reelplane/extractor"),
)
"""Inside the containers of the image."""
