"""containerd with runc on a machine, its network plugins, and the import of images into it.

Pods are connected by the ``ptp`` plugin: a cable from each pod to the node, which routes. What passes between two
pods goes through the node's packet filter that way, as kube-proxy's translation of Service addresses needs, without
the bridge filter that a kernel may lack. The plugins are Debian's (containernetworking-plugins) or any others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.testbed import toolchain
from tests.testbed.node.images import Archive
from tests.testbed.node.machine import Machine
from tests.testbed.process import ProcessError
from tests.testbed.toolchain import Unavailable

SOCKET = "/run/containerd/containerd.sock"
_PLUGIN_FOLDERS = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
_PLUGINS = ("ptp", "host-local", "portmap")
_CONFIG = """\
version = 3
[plugins.'io.containerd.cri.v1.images']
  snapshotter = '{snapshotter}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{sandbox}'
[plugins.'io.containerd.cri.v1.runtime']
  # Without the right to lower it (CAP_SYS_RESOURCE), a pod's own wish would fail its start.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = '{runc}'
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['{plugins}']
  conf_dir = '{networks}'
  use_internal_loopback = true
[plugins.'io.containerd.metadata.v1.bolt']
  # A test node outlives no power failure, and waiting for the disk is most of an import.
  no_sync = true
"""


def programs(say: Callable[[str], None]) -> None:
    """Find or build what ``start`` runs. Raises Unavailable, also when there are no network plugins."""
    _plugins()
    for name in ("containerd", "containerd-shim-runc-v2", "ctr", "runc"):
        toolchain.program(name, say)


def start(machine: Machine, folder: Path, sandbox: str) -> None:
    """Start it, without waiting: ``bed.wait_ready("containerd")`` does. ``sandbox`` names the pause image."""
    folder.mkdir(parents=True, exist_ok=True)
    networks = folder / "networks"
    networks.mkdir(exist_ok=True)
    (networks / "pods.conflist").write_text(json.dumps(_network(machine)))
    config = folder / "containerd.toml"
    config.write_text(
        _CONFIG.format(
            snapshotter=_snapshotter(machine),
            sandbox=sandbox,
            runc=toolchain.program("runc"),
            plugins=_plugins(),
            networks=networks,
        )
    )
    program = toolchain.program("containerd")
    # The shim is looked for on the PATH.
    search = f"PATH={program.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    machine.bed.start(
        "containerd",
        machine.command("env", search, program, "--config", config),
        is_ready=machine.path(SOCKET).exists,
    )


def import_image(machine: Machine, image: Archive) -> float:
    """Import an image under all of its names, unpacked. Returns seconds. Raises ProcessError."""
    began = time.monotonic()
    images = (toolchain.program("ctr"), "--namespace=k8s.io", "images")
    machine.run(*images, "import", "--local", image.path)
    first, *others = image.names
    if others:
        machine.run(*images, "tag", "--force", first, *others)
    return time.monotonic() - began


def _network(machine: Machine) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": machine.pod_cidr}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni-addresses",
    }
    plugins = [
        {"type": "ptp", "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def _plugins() -> str:
    for folder in _PLUGIN_FOLDERS:
        if all(Path(folder, plugin).exists() for plugin in _PLUGINS):
            return folder
    raise Unavailable(
        f"pods are connected by the CNI plugins {', '.join(_PLUGINS)}, which are in none of"
        f" {', '.join(_PLUGIN_FOLDERS)} (Debian: apt-get install containernetworking-plugins)"
    )


def _snapshotter(machine: Machine) -> str:
    """``overlayfs`` where the file system below takes it (a container's own root does not); else plain copies."""
    trial = machine.folder / "lib" / "overlay-trial"
    for name in ("lower", "upper", "work", "merged"):
        (trial / name).mkdir(parents=True, exist_ok=True)
    layers = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
    try:
        machine.run("mount", "-t", "overlay", "overlay", "-o", layers, trial / "merged")
    except ProcessError:
        return "native"
    machine.run("umount", trial / "merged")
    return "overlayfs"
