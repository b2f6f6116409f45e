"""The command lines of a control plane's components, as data: what each is told, and why where it is not plain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.testbed.identities import Keys

SERVICE_CIDR = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
"""The address of the ``kubernetes`` Service, which API servers must hold a certificate for."""
POD_CIDR = "10.244.0.0/16"
ISSUER = "https://kubernetes.default.svc.cluster.local"


def etcd(program: Path, data: Path, client_port: int, peer_port: int) -> list[str]:
    peer, client = f"http://127.0.0.1:{peer_port}", f"http://127.0.0.1:{client_port}"
    return [
        str(program),
        "--name=testbed",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=testbed={peer}",
        # Nothing here outlives the machine's power, and waiting for a disk is most of what etcd does.
        "--unsafe-no-fsync",
        # One etcd of several API servers with 10,000 pods each outgrows the default of 2 GiB.
        f"--quota-backend-bytes={8 * 2**30}",
        "--log-level=warn",
    ]


def api_server(
    program: Path, keys: Keys, *, etcd_port: int, prefix: str, host: str, port: int, extra: Sequence[str]
) -> list[str]:
    # Endpoints must not be loopback addresses: there the ``kubernetes`` Service stays without any.
    reconciler = "none" if host.startswith("127.") else "lease"
    return [
        str(program),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--etcd-prefix={prefix}",
        f"--bind-address={host}",
        f"--advertise-address={host}",
        f"--secure-port={port}",
        f"--endpoint-reconciler-type={reconciler}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--tls-cert-file={keys.server.certificate}",
        f"--tls-private-key-file={keys.server.key}",
        f"--client-ca-file={keys.cluster_ca.certificate}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={keys.service_accounts.certificate}",
        f"--service-account-signing-key-file={keys.service_accounts.key}",
        f"--requestheader-client-ca-file={keys.front_proxy_ca.certificate}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={keys.front_proxy_client.certificate}",
        f"--proxy-client-key-file={keys.front_proxy_client.key}",
        # The API server is no pod: it reaches aggregated API servers by their pods' addresses.
        "--enable-aggregator-routing=true",
        f"--kubelet-client-certificate={keys.kubelet_client.certificate}",
        f"--kubelet-client-key={keys.kubelet_client.key}",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        *extra,
    ]


def controller_manager(
    program: Path, keys: Keys, kubeconfig: Path, *, port: int, extra: Sequence[str]
) -> list[str]:
    return [
        str(program),
        *_component(kubeconfig, keys, port),
        f"--service-account-private-key-file={keys.service_accounts.key}",
        f"--root-ca-file={keys.cluster_ca.certificate}",
        f"--cluster-signing-cert-file={keys.cluster_ca.certificate}",
        f"--cluster-signing-key-file={keys.cluster_ca.key}",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={POD_CIDR}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        # The defaults (20 and 30 a second) are what 1,000 Deployments would wait for.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        # Every 15 s by default, which tests of scaling would wait for again and again.
        "--horizontal-pod-autoscaler-sync-period=2s",
        *extra,
    ]


def scheduler(program: Path, keys: Keys, kubeconfig: Path, *, port: int) -> list[str]:
    # Its client is asked for more requests a second than the default 50: each binding is one.
    return [str(program), *_component(kubeconfig, keys, port), "--kube-api-qps=1000", "--kube-api-burst=2000"]


def _component(kubeconfig: Path, keys: Keys, port: int) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={keys.server.certificate}",
        f"--tls-private-key-file={keys.server.key}",
    ]
