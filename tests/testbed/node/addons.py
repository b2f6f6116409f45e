"""What clusters usually have beside Kubernetes itself, from the manifests that the projects' own modules carry.

Each add-on is those manifests with few changes: images that are already there, no waiting before the first probe,
and what a machine without outside or TLS bootstrap needs; the reasons stand at the changes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.testbed import toolchain
from tests.testbed.certs import Authority
from tests.testbed.cluster import ControlPlane
from tests.testbed.node import images, kubelet

Manifest = dict[str, Any]
_READY_WITHIN = 240
"""Seconds for all add-ons together, on a machine that builds something else meanwhile."""


@dataclass(frozen=True, slots=True)
class Addon:
    images: tuple[str, ...]
    """Names in ``images.IMAGES`` that must be imported first."""
    manifests: Callable[[ControlPlane], list[Manifest]]
    deployments: tuple[tuple[str, str], ...]
    """Namespace and name of what must be rolled out."""
    api_service: str = ""
    """Name of the aggregated API that must answer."""


def apply(control: ControlPlane, names: Sequence[str]) -> None:
    """Apply add-ons whose images are imported, without waiting. Raises Unavailable."""
    everything = [manifest for name in names for manifest in ADDONS[name].manifests(control)]
    # Kinds and namespaces must be there before what needs them.
    first = [each for each in everything if each["kind"] in ("Namespace", "CustomResourceDefinition")]
    rest = [each for each in everything if each not in first]
    for manifests in (first, rest):
        if manifests:
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
            control.kubectl("apply", "--server-side", "-f", "-", input=text)


def wait_ready(control: ControlPlane, names: Sequence[str]) -> None:
    """Raises CalledProcessError, with what kubectl said, when one is not ready in time."""
    for name in names:
        for namespace, deployment in ADDONS[name].deployments:
            # Not the condition Available: that one holds without a single pod where all but one may be away.
            rolled_out = ("rollout", "status", f"deployment/{deployment}", f"--namespace={namespace}")
            control.kubectl(*rolled_out, f"--timeout={_READY_WITHIN}s")
        if service := ADDONS[name].api_service:
            available = ("--for=condition=Available", f"apiservice/{service}")
            control.kubectl("wait", *available, f"--timeout={_READY_WITHIN}s")


def _dns(control: ControlPlane) -> list[Manifest]:
    template = toolchain.source("kubelet") / "cluster/addons/dns/coredns/coredns.yaml.base"
    text = template.read_text()
    values = {"DOMAIN": "cluster.local", "SERVER": kubelet.DNS_ADDRESS, "MEMORY__LIMIT": "170Mi"}
    for name, value in values.items():
        text = text.replace(f"__DNS__{name}__", value)
    manifests = _usable(yaml.safe_load_all(text), {"coredns": "coredns"})
    for config in _of_kind(manifests, "ConfigMap"):
        # There is no outside to forward to: unknown names do not exist, which is answered at once.
        blocks = config["data"]["Corefile"].replace(
            "    forward . /etc/resolv.conf {\n        max_concurrent 1000\n    }\n", ""
        )
        config["data"]["Corefile"] = blocks.replace("    loop\n", "")
    return manifests


def _storage(control: ControlPlane) -> list[Manifest]:
    text = (toolchain.source("local-path-provisioner") / "deploy/local-path-storage.yaml").read_text()
    manifests = _usable(yaml.safe_load_all(text), {"local-path-provisioner": "local-path-provisioner"})
    for kind in _of_kind(manifests, "StorageClass"):
        kind["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    for config in _of_kind(manifests, "ConfigMap"):
        data = config["data"]
        # In the node's own /var/lib: every other folder is the machine's around.
        data["config.json"] = data["config.json"].replace("/opt/", "/var/lib/")
        helper = yaml.safe_load(data["helperPod.yaml"])
        helper["spec"]["containers"][0] |= {"image": images.SHELL, "imagePullPolicy": "Never"}
        data["helperPod.yaml"] = yaml.safe_dump(helper)
    return manifests


def _metrics(control: ControlPlane) -> list[Manifest]:
    folder = toolchain.source("metrics-server") / "manifests/base"
    manifests = _usable(_kustomized(control, folder), {"metrics-server": "metrics-server"})
    for deployment in _of_kind(manifests, "Deployment"):
        arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
        arguments[:] = [each for each in arguments if not each.startswith("--metric-resolution")]
        # kubelet signs its own certificate here. 10 s is the least that is accepted, if answers must come sooner.
        arguments += ["--kubelet-insecure-tls", "--metric-resolution=10s", "--kubelet-request-timeout=9s"]
    return manifests


def _keda(control: ControlPlane) -> list[Manifest]:
    config = toolchain.source("keda-operator") / "config"
    # Without its admission webhooks, which are a third program.
    parts = ("crd", "general", "service_account", "rbac", "manager", "metrics-server")
    loaded = [manifest for part in parts for manifest in _kustomized(control, config / part)]
    manifests = _usable(loaded, {"keda": "keda-operator", "keda-metrics-apiserver": "keda-adapter"})
    # KEDA would make these by itself, and wait a minute or two until kubelet shows them to it.
    authority = Authority(control.folder / "pki" / "keda", "keda-ca")
    services = ("keda-operator", "keda-metrics-apiserver")
    suffixes = ("", ".keda", ".keda.svc", ".keda.svc.cluster.local")
    pair = authority.issue("keda", "keda", hosts=[name + suffix for name in services for suffix in suffixes])
    for deployment in _of_kind(manifests, "Deployment"):
        arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
        arguments[:] = [each.replace("cert-rotation=true", "cert-rotation=false") for each in arguments]
    for service in _of_kind(manifests, "APIService"):
        service["spec"]["caBundle"] = _encoded(authority.certificate)
    files = {"ca.crt": authority.certificate, "tls.crt": pair.certificate, "tls.key": pair.key}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kedaorg-certs", "namespace": "keda"},
        "data": {name: _encoded(path) for name, path in files.items()},
    }
    return [*manifests, secret]


ADDONS: Mapping[str, Addon] = {
    "dns": Addon(("coredns",), _dns, (("kube-system", "coredns"),)),
    "keda": Addon(
        ("keda-operator", "keda-adapter"),
        _keda,
        (("keda", "keda-operator"), ("keda", "keda-metrics-apiserver")),
        "v1beta1.external.metrics.k8s.io",
    ),
    "storage": Addon(
        ("local-path-provisioner", "shell"), _storage, (("local-path-storage", "local-path-provisioner"),)
    ),
    "metrics": Addon(
        ("metrics-server",), _metrics, (("kube-system", "metrics-server"),), "v1beta1.metrics.k8s.io"
    ),
}


def _kustomized(control: ControlPlane, folder: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(control.kubectl("kustomize", str(folder)).stdout))


def _usable(manifests: Any, replaced: Mapping[str, str]) -> list[Manifest]:
    """Manifests whose images (by the last part of their name) are ours, and which are asked at once if ready."""
    usable = [each for each in manifests if each]
    for deployment in _of_kind(usable, "Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            name = container["image"].rpartition("/")[2].partition(":")[0]
            container |= {"image": images.IMAGES[replaced[name]].names[0], "imagePullPolicy": "Never"}
            # A machine that is busy with a build answers late, and starting again would not help it.
            container.pop("livenessProbe", None)
            if probe := container.get("readinessProbe"):
                probe |= {"initialDelaySeconds": 0, "periodSeconds": 1, "timeoutSeconds": 10}
    return usable


def _of_kind(manifests: list[Manifest], kind: str) -> Iterator[Manifest]:
    return (each for each in manifests if each["kind"] == kind)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
