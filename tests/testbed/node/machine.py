"""A machine of its own for a node: Linux namespaces, and a cable from them to the machine around.

The host end of the cable has the address that the control plane listens on; behind the other end are the node's
address and those of its pods, so the test process reaches every one of them. Nothing leads further: pods have no
way to the Internet, and the host's firewall, forwarding and mounts are not touched.

Addresses are of 10.213.0.0/16: node N and its cable 10.213.N.0/24, its pods 10.213.(128+N).0/24.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.testbed import toolchain
from tests.testbed.node import namespace_init
from tests.testbed.process import Bed, ProcessError
from tests.testbed.toolchain import Unavailable

_LOCKS = Path("/run/lock/reelplane-testbed")
"""Shared by all that start nodes on this machine, whoever's checkout they run from."""
_NEEDED = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "hostname": "hostname",
}
"""Commands that a node calls, and Debian's packages of them."""


def require() -> None:
    """Raises Unavailable when this machine cannot hold a node: says what is missing."""
    if sys.platform != "linux":
        raise Unavailable("a Kubernetes node needs Linux")
    if os.geteuid() != 0:
        raise Unavailable("a Kubernetes node needs root: it makes namespaces, mounts and network interfaces")
    missing = sorted({package for command, package in _NEEDED.items() if shutil.which(command) is None})
    if missing:
        raise Unavailable(f"a Kubernetes node calls commands of {', '.join(missing)} (apt-get install them)")


class Machine:
    """Namespaces with a first process; they end with the bed, and everything in them too."""

    def __init__(self, bed: Bed, folder: Path) -> None:
        """Start it. ``folder`` holds what the machine's /var/lib and /var/log are. Raises Unavailable, ProcessError."""
        require()
        for needed in (folder, toolchain.cache()):
            for place in namespace_init.OWN:
                if needed.resolve().is_relative_to(place):
                    raise Unavailable(f"a test node has a {place} of its own, and so cannot see {needed}")
        self.bed = bed
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        state = folder / namespace_init.STATE
        state.unlink(missing_ok=True)
        spaces = ["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        python = [sys.executable, "-I", "-S", namespace_init.__file__]
        bed.start("machine", ["unshare", *spaces, *python, folder, _LOCKS], is_ready=state.exists)
        bed.wait_ready("machine")
        found = json.loads(state.read_text())
        self._pid: int = found["pid"]
        self.number: int = found["number"]
        self.name = f"node-{self.number}"
        self.host = f"10.213.{self.number}.1"
        """Address of the machine around, as the node and its pods see it."""
        self.address = f"10.213.{self.number}.2"
        self.pod_cidr = f"10.213.{self.number + 128}.0/24"
        self.cgroup = f"reelplane-node-{self.number}-{self._pid}"
        """Under each controller: all pods of the node."""
        # The number is ours alone, so whatever else bears it was left by one that was killed.
        _run(*_remove_cgroups(f"reelplane-node-{self.number}-*"))
        bed.run_at_end(*_remove_cgroups(self.cgroup))
        _make_cgroups(self.cgroup)
        self._connect()

    def command(self, *argv: str | Path) -> list[str]:
        """The command line that runs ``argv`` inside."""
        spaces = ["--net", "--mount", "--uts", "--ipc", "--pid"]
        return ["nsenter", f"--target={self._pid}", *spaces, "--", *map(str, argv)]

    def path(self, place: str) -> Path:
        """Where the machine's absolute ``place`` is found from here."""
        return Path(f"/proc/{self._pid}/root{place}")

    def run(self, *argv: str | Path) -> str:
        """Run a command inside and return what it printed. Raises ProcessError with what it said."""
        return _run(*self.command(*argv))

    def _connect(self) -> None:
        outer = f"rpnode{self.number}"
        if Path(f"/sys/class/net/{outer}").exists():
            _run("ip", "link", "delete", outer)
        _run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", str(self._pid))
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        _run("ip", "address", "add", f"{self.host}/24", "dev", outer)
        _run("ip", "link", "set", outer, "up")
        # Fails when somebody else has this route, which must not be replaced.
        _run("ip", "route", "add", self.pod_cidr, "via", self.address)
        # Addresses of the outside and of Services, which no other route covers, must lead somewhere to be translated.
        self.run("ip", "route", "add", "default", "via", self.host)


def _make_cgroups(name: str) -> None:
    """The cgroup that all pods go below, under each controller (v1) or in the one hierarchy (v2)."""
    root = Path("/sys/fs/cgroup")
    controllers = root / "cgroup.controllers"
    if controllers.exists():
        (root / name).mkdir()
        for controller in controllers.read_text().split():
            for level in (root, root / name):
                # One that cannot be handed on is missed by kubelet, which says so.
                with contextlib.suppress(OSError):
                    (level / "cgroup.subtree_control").write_text(f"+{controller}")
        return
    for hierarchy in root.iterdir():
        (hierarchy / name).mkdir()
        # A new one has no processors and no memory, and takes no process then.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / file).exists():
                (hierarchy / name / file).write_text((hierarchy / file).read_text())


def _remove_cgroups(name: str) -> list[str]:
    """Command that removes cgroups, which are folders: under each controller (v1) or in the one hierarchy (v2).

    ``name`` may be a pattern.
    """
    named = ["(", "-path", f"*/{name}", "-o", "-path", f"*/{name}/*", ")"]
    return ["find", "/sys/fs/cgroup", "-depth", "-type", "d", *named, "-delete"]


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ProcessError(f"{' '.join(argv)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
