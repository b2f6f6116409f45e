"""A cluster of one real node: pods run, Services answer, and what a cluster usually has beside that is there.

``NodeCluster.start`` makes the machine first, since the control plane listens on the host's end of its cable, where
pods reach it. Images are made before anything is started, for a first run takes minutes over them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.testbed import toolchain
from tests.testbed.cluster import ControlPlane
from tests.testbed.node import containerd, images, kubelet, machine
from tests.testbed.node.addons import ADDONS, apply, wait_ready
from tests.testbed.process import Bed


class NodeCluster:
    """A running cluster. Use as a context manager, or call ``stop``. Implements ``given.Cluster``."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say
        self.bed = Bed(folder / "node")
        """Runs ``machine``, ``containerd``, ``kubelet`` and ``kube-proxy``; the control plane has its own."""

    @classmethod
    def start(
        cls,
        *,
        folder: Path,
        addons: Sequence[str] = ("dns", "storage", "metrics", "keda"),
        also: Sequence[str] = (),
        extra_args: Sequence[str] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> NodeCluster:
        """Start it and return when the node and its add-ons are ready; on failure nothing is left running.

        ``addons`` are names in ``addons.ADDONS``, ``also`` further images of ``images.IMAGES``, ``extra_args`` are the
        API server's. Raises Unavailable when this machine cannot hold a node or something cannot be built,
        ProcessError or CalledProcessError when something does not start.
        """
        machine.require()
        containerd.programs(say)
        for name in ("kubelet", "kube-proxy"):
            toolchain.program(name, say)
        needed = dict.fromkeys(
            ["pause", *(image for addon in addons for image in ADDONS[addon].images), *also]
        )
        archives = [images.archive(name, say) for name in needed]
        cluster = cls(folder, say)
        try:
            cluster._start(archives, extra_args)
            if addons:
                say(f"starting the add-ons {', '.join(addons)}")
                apply(cluster.control, addons)
                wait_ready(cluster.control, addons)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def _start(self, archives: Iterable[images.Archive], extra_args: Sequence[str]) -> None:
        node = self.folder / "node"
        self.machine = machine.Machine(self.bed, node / "machine")
        containerd.start(self.machine, node / "containerd", images.PAUSE)
        # Images are unpacked, mostly by the disk, while the control plane starts.
        with ThreadPoolExecutor(max_workers=1) as beside:
            imports = beside.submit(self._import, archives)
            self._start_control_plane(extra_args)
            kubelet.start(self.machine, self.control, node / "kubelet")
            self.bed.wait_ready("kubelet", "kube-proxy")
            self.kubectl("wait", "--for=condition=Ready", "node", self.machine.name, "--timeout=120s")
            imports.result()

    def _import(self, archives: Iterable[images.Archive]) -> None:
        self.bed.wait_ready("containerd")
        for archive in archives:
            containerd.import_image(self.machine, archive)

    def _start_control_plane(self, extra_args: Sequence[str]) -> None:
        self.control = ControlPlane.start(
            "api",
            folder=self.folder,
            host=self.machine.host,
            node_mode=True,
            extra_args=extra_args,
            extra_controller_args=[
                f"--cluster-cidr={self.machine.pod_cidr}",
                "--node-cidr-mask-size=24",
                # What a test waits for again and again; the default is 15 s.
                "--horizontal-pod-autoscaler-sync-period=2s",
            ],
            say=self._say,
        )

    def import_image(self, name: str) -> images.Archive:
        """Make an image of ``images.IMAGES`` usable by pods, building it where the cache has none.

        Pods know it by any of the ``names`` of what is returned. Raises Unavailable, ProcessError.
        """
        archive = images.archive(name, self._say)
        seconds = containerd.import_image(self.machine, archive)
        self._say(f"imported {archive.names[0]} in {seconds:.1f} s")
        return archive

    def check(self) -> None:
        """Raises ProcessError when something that was started has ended."""
        self.bed.check()
        self.control.bed.check()

    @property
    def kubeconfigs(self) -> list[Path]:
        return self.control.kubeconfigs

    @property
    def kubeconfig(self) -> Path:
        return self.control.kubeconfig

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return self.control.kubectl(*arguments, input=input, check=check)

    def get(self, *arguments: str) -> dict[str, Any]:
        return self.control.get(*arguments)

    def stop(self) -> None:
        """End everything. Logs stay in the folder. Idempotent."""
        self.bed.stop()
        if hasattr(self, "control"):
            self.control.stop()

    def __enter__(self) -> NodeCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
