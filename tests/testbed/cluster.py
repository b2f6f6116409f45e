"""A Kubernetes control plane as processes: etcd, API servers, controller manager; with ``scale`` scheduler and kwok.

``ControlPlane.start`` finds or builds the programs (``toolchain``), makes keys (``identities``), starts the
components (``components`` has their command lines) in a ``Bed`` and returns when all are ready. The bed stays open
for more: what is started in ``control.bed`` ends before the control plane does.

Several API servers may share the one etcd, each under its own key prefix: clusters that know nothing of each
other, for regions. They share one authority, so a certificate of one is valid at all of them.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from tests.testbed import components, fakenodes, toolchain
from tests.testbed.given import read, run_kubectl
from tests.testbed.identities import make_keys, write_kubeconfig
from tests.testbed.ports import free_ports
from tests.testbed.process import Bed

Profile = Literal["api", "scale"]


class ControlPlane:
    """A running control plane. Use as a context manager, or call ``stop``. Implements ``given.Cluster``.

    Components are named ``etcd``, ``kube-apiserver``, ``kube-controller-manager``, ``kube-scheduler``, ``kwok``; of
    several API servers, those after the first are ``kube-apiserver-2`` and so on, their controller managers alike.
    """

    def __init__(self, folder: Path, host: str, servers: int) -> None:
        """Make its keys and its bed; ``start`` is what callers want."""
        self.folder = folder
        self.host = host
        self.service_cidr = components.SERVICE_CIDR
        self.pod_cidr = components.POD_CIDR
        self.ports = free_ports(servers, host)
        self._authority, self._keys = make_keys(folder / "pki", host, components.KUBERNETES_SERVICE)
        self.kubeconfigs = [
            self.make_kubeconfig("admin", ["system:masters"], server=number)
            for number in range(1, servers + 1)
        ]
        """The administrator's, one per API server. Each holds all it needs, so it may be copied into a Secret."""
        self.bed = Bed(folder)

    @property
    def port(self) -> int:
        """Of the first API server."""
        return self.ports[0]

    @property
    def ca(self) -> Path:
        """The authority that signed the API servers' certificates (PEM)."""
        return self._keys.cluster_ca.certificate

    @property
    def client_ca(self) -> Path:
        """The authority whose client certificates are accepted (PEM): a kubelet must accept it, too."""
        return self._keys.cluster_ca.certificate

    @property
    def kubeconfig(self) -> Path:
        """The administrator's (``system:masters``), of the first API server."""
        return self.kubeconfigs[0]

    @classmethod
    def start(
        cls,
        profile: Profile,
        *,
        folder: Path,
        host: str = "127.0.0.1",
        servers: int = 1,
        controllers: int = 1,
        nodes: int = 10,
        node_mode: bool = False,
        extra_args: Sequence[str] = (),
        extra_controller_args: Sequence[str] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> ControlPlane:
        """Start a control plane and return when it is ready; on failure nothing is left running.

        ``folder`` must hold no earlier cluster. ``host`` is the address that API servers listen on; it must be this
        machine's. The first ``controllers`` of the ``servers`` get a controller manager: without one, a cluster
        stores objects, but deletes no namespaces or dependents. ``nodes`` is the number of kwok's nodes (profile
        ``scale``). ``node_mode`` adds the scheduler without kwok, for real nodes. ``extra_args`` go to every API
        server, ``extra_controller_args`` to every controller manager; they overrule ours.

        Raises toolchain.Unavailable when a program cannot be had, ProcessError when one does not start.
        """
        wanted = ["etcd", "kube-apiserver", "kubectl"]
        wanted += ["kube-controller-manager"] if controllers else []
        wanted += ["kube-scheduler"] if profile == "scale" or node_mode else []
        wanted += ["kwok"] if profile == "scale" else []
        programs = {name: toolchain.program(name, say) for name in wanted}
        stages = fakenodes.stages() if profile == "scale" else None

        folder.mkdir(parents=True, exist_ok=True)
        control = cls(folder, host, servers)
        try:
            say(f"starting etcd and {servers} kube-apiserver")
            control._start_servers(programs, extra_args)
            control._start_controllers(programs, extra_controller_args, controllers)
            if stages is not None:
                say(f"starting kwok with {nodes} nodes")
                fakenodes.start(control, programs["kwok"], stages, nodes)
        except BaseException:
            control.stop()
            raise
        return control

    def _start_servers(self, programs: dict[str, Path], extra: Sequence[str]) -> None:
        etcd_port, peer_port = free_ports(2)
        argv = components.etcd(programs["etcd"], self.folder / "etcd", etcd_port, peer_port)
        self.bed.start("etcd", argv, is_ready=lambda: _listens(etcd_port))
        self.bed.wait_ready("etcd")
        for number, port in enumerate(self.ports, 1):
            argv = components.api_server(
                programs["kube-apiserver"],
                self._keys,
                etcd_port=etcd_port,
                # The first has Kubernetes' own default, so that what reads etcd directly finds it.
                prefix="/registry" if number == 1 else f"/region-{number}",
                host=self.host,
                port=port,
                extra=extra,
            )
            self.bed.start(_numbered("kube-apiserver", number), argv, is_ready=self._probe(number, "/readyz"))
        self.bed.wait_ready(
            *(_numbered("kube-apiserver", number) for number in range(1, len(self.ports) + 1))
        )

    def _start_controllers(self, programs: dict[str, Path], extra: Sequence[str], count: int) -> None:
        port, *ports = free_ports(1 + count)
        names = []
        for number, kubeconfig in enumerate(self.kubeconfigs[:count], 1):
            argv = components.controller_manager(
                programs["kube-controller-manager"],
                self._keys,
                kubeconfig,
                port=ports[number - 1],
                extra=extra,
            )
            names.append(_numbered("kube-controller-manager", number))
            # What is missed first: without its service account a namespace takes no pods.
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self.bed.start(names[-1], argv, is_ready=self._probe(number, account))
        if "kube-scheduler" in programs:
            names.append("kube-scheduler")
            argv = components.scheduler(programs["kube-scheduler"], self._keys, self.kubeconfig, port=port)
            self.bed.start(names[-1], argv, is_ready=lambda: _listens(port))
        self.bed.wait_ready(*names)

    def make_kubeconfig(self, user: str, groups: Sequence[str] = (), *, server: int = 1) -> Path:
        """A kubeconfig whose client certificate says ``user`` of ``groups``, as components and people have them.

        ``server`` counts API servers from 1. A second call for the same user and server gives the same file.
        """
        name = re.sub(r"[^A-Za-z0-9.-]", "-", user)
        path = self.folder / f"{_numbered(name, server)}.kubeconfig"
        if not path.exists():
            write_kubeconfig(
                path,
                server=f"https://{self.host}:{self.ports[server - 1]}",
                ca=self.ca,
                user=user,
                pair=self._authority.issue(name, user, groups=groups),
            )
        return path

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True, server: int = 1
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator of an API server. Raises CalledProcessError unless ``check`` is False."""
        kubeconfig = self.kubeconfigs[server - 1]
        return run_kubectl(
            toolchain.program("kubectl"), kubeconfig, *arguments, input=input, check=check, home=self.folder
        )

    def get(self, *arguments: str, server: int = 1) -> dict[str, Any]:
        """``kubectl get -o json`` of these arguments, read."""
        return read(self.kubectl("get", "-o", "json", *arguments, server=server))

    def kill(self, component: str) -> None:
        """SIGKILL a component and wait until it is gone."""
        self.bed.kill(component)

    def restart(self, component: str) -> None:
        """Start a component again (after ``kill``, or killing it) and wait until it is ready."""
        self.bed.restart(component)

    def stop(self) -> None:
        """End everything that runs in the bed. Logs, keys and etcd's data stay in the folder. Idempotent."""
        self.bed.stop()

    def __enter__(self) -> ControlPlane:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _probe(self, server: int, path: str) -> Callable[[], bool]:
        """Whether an API server answers 200 to the administrator."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.folder / "pki/admin.crt", self.folder / "pki/admin.key")

        def probe() -> bool:
            connection = http.client.HTTPSConnection(
                self.host, self.ports[server - 1], timeout=5, context=context
            )
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", path)
                return connection.getresponse().status == 200
            return False

        return probe


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _listens(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False
