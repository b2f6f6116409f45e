"""kubelet and kube-proxy on a machine: their configuration, and why where it is not plain."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.testbed import toolchain
from tests.testbed.cluster import ControlPlane
from tests.testbed.node import containerd
from tests.testbed.node.machine import Machine

MAX_PODS = 100
DNS_ADDRESS = "10.96.0.10"
"""Of the Service of the cluster's DNS: the tenth of the Service addresses, as everywhere."""
_HEALTH_PORTS = {"kubelet": 10248, "kube-proxy": 10256}


def start(machine: Machine, control: ControlPlane, folder: Path) -> None:
    """Start both, without waiting: ``bed.wait_ready("kubelet", "kube-proxy")`` does."""
    folder.mkdir(parents=True, exist_ok=True)
    # Names of the outside cannot be reached, so nobody is asked for them.
    (folder / "resolv.conf").write_text("")
    kubelet = _written(folder / "kubelet.json", _kubelet(machine, control, folder))
    proxy = _written(folder / "kube-proxy.json", _kube_proxy(machine, control))
    identity = control.make_kubeconfig(f"system:node:{machine.name}", ["system:nodes"])
    command = machine.command(
        toolchain.program("kubelet"),
        f"--config={kubelet}",
        f"--kubeconfig={identity}",
        f"--hostname-override={machine.name}",
        # By a loopback address pods would run, but neither logs nor exec find their node.
        f"--node-ip={machine.address}",
    )
    machine.bed.start("kubelet", command, is_ready=_healthy(machine, "kubelet"))
    command = machine.command(
        toolchain.program("kube-proxy"), f"--config={proxy}", f"--hostname-override={machine.name}"
    )
    machine.bed.start("kube-proxy", command, is_ready=_healthy(machine, "kube-proxy"))


def _kubelet(machine: Machine, control: ControlPlane, folder: Path) -> dict[str, Any]:
    never = {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"}
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": machine.address,
        "healthzBindAddress": machine.address,
        "healthzPort": _HEALTH_PORTS["kubelet"],
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(control.client_ca)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{machine.cgroup}",
        # Machines with the first version of cgroups are still many, and good enough for tests.
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder / "resolv.conf"),
        "maxPods": MAX_PODS,
        # Images are imported, not pulled: one that is thrown away does not come back, and a full disk of the
        # machine around is no reason to end pods.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {**never, "nodefs.inodesFree": "0%", "imagefs.inodesFree": "0%"},
        "nodeStatusUpdateFrequency": "5s",
        "shutdownGracePeriod": "0s",
    }


def _kube_proxy(machine: Machine, control: ControlPlane) -> dict[str, Any]:
    identity = control.make_kubeconfig("system:kube-proxy", ["system:node-proxier"])
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(identity)},
        "mode": "iptables",
        "detectLocalMode": "ClusterCIDR",
        "clusterCIDR": machine.pod_cidr,
        "healthzBindAddress": f"{machine.address}:{_HEALTH_PORTS['kube-proxy']}",
        # These are the whole machine's to set, and not ours.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "100ms"},
    }


def _written(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(json.dumps(config, indent=1))
    return path


def _healthy(machine: Machine, component: str) -> Callable[[], bool]:
    url = f"http://{machine.address}:{_HEALTH_PORTS[component]}/healthz"

    def probe() -> bool:
        with suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    return probe
