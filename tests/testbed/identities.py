"""Who is who in a test cluster: the authorities, the components' certificates, and kubeconfigs for users."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.testbed.certs import Authority, Pair, signing_keys

_SERVER_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
    "127.0.0.1",
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The files that components are given."""

    cluster_ca: Pair
    """Signs API servers, kubelets and users alike."""
    server: Pair
    kubelet_client: Pair
    """As whom API servers fetch logs and execute commands."""
    front_proxy_ca: Pair
    front_proxy_client: Pair
    """As whom API servers call aggregated ones (metrics-server, KEDA's adapter)."""
    service_accounts: Pair


def make_keys(folder: Path, *addresses: str) -> tuple[Authority, Keys]:
    """The cluster's authority and its components' keys; API servers are reached at ``addresses``."""
    authority = Authority(folder, "cluster-ca")
    front_proxy = Authority(folder / "front-proxy", "front-proxy-ca")
    return authority, Keys(
        cluster_ca=authority.pair,
        server=authority.issue("kube-apiserver", "kube-apiserver", hosts=[*_SERVER_NAMES, *addresses]),
        kubelet_client=authority.issue(
            "kubelet-client", "kube-apiserver-kubelet-client", groups=["system:masters"]
        ),
        front_proxy_ca=front_proxy.pair,
        front_proxy_client=front_proxy.issue("front-proxy-client", "front-proxy-client"),
        service_accounts=signing_keys(folder),
    )


def write_kubeconfig(path: Path, *, server: str, ca: Path, user: str, pair: Pair) -> None:
    """A kubeconfig that holds all it needs, so that it may be copied into a Secret. Only its owner can read it."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "testbed", "cluster": {"server": server, "certificate-authority-data": _encoded(ca)}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _encoded(pair.certificate),
                    "client-key-data": _encoded(pair.key),
                },
            }
        ],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user}}],
        "current-context": "testbed",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
