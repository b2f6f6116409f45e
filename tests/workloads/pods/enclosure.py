"""Runs a command as a restricted pod would: everything read-only but its own folders, as a user nobody has heard of.

    unshare --mount --propagation private python enclosure.py STATE WRITABLE -- COMMAND …

Inside, ``/mnt`` is STATE (documents, sockets, secrets), read-only; WRITABLE lies below ``/srv`` and is the user's own,
as are ``/tmp`` and ``/run/reelplane``. There is no HOME, no capability, no new privilege and no entry in passwd.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

USER = 65532
_NOTHING_MORE = ("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


def main() -> None:
    state, writable = sys.argv[1:3]
    command = sys.argv[4:]
    mount("--bind", state, "/mnt")
    for prefix in {sys.base_prefix, sys.prefix, os.getcwd()}:
        let_through(Path(prefix))
    for place in ("/run", "/srv", "/tmp"):
        mount("-t", "tmpfs", "-o", "mode=1777" if place == "/tmp" else "mode=755", "tmpfs", place)
    for folder in ("/run/reelplane", f"/srv/{writable}"):
        os.makedirs(folder)
        os.chown(folder, USER, USER)
    own = ("/tmp", "/run", "/srv", "/proc")
    for point in mount_points():
        if not point.startswith(own):
            subprocess.run(["mount", "-o", "remount,bind,ro", point], check=False, stderr=subprocess.DEVNULL)
    for place in ("/", "/mnt", os.getcwd()):
        try:
            Path(place, ".probe").touch()
        except OSError:
            continue
        sys.exit(f"{place} can be written to")
    os.execvpe(
        "setpriv",
        ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *_NOTHING_MORE, *command],
        {"PATH": os.environ["PATH"]},
    )


def let_through(path: Path) -> None:
    """Make a folder reachable for everybody, where one above it (root's home) lets only its owner in."""
    for above in reversed(path.parents):
        if above.stat().st_mode & 0o001:
            continue
        below = above / path.relative_to(above).parts[0]
        mount("--bind", str(below), "/media")
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(above))
        below.mkdir()
        mount("--move", "/media", str(below))
        return


def mount_points() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines]


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    main()
