"""Who we are to a server: kubeconfig files, tokens that change, commands, and the pod we run in."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from reelplane_operator.cluster import access
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import BadKubeconfig, Forbidden, Unauthorized
from reelplane_operator.cluster.resources import CONFIG_MAPS, SECRETS
from reelplane_operator.cluster.transport import Transport
from tests.testbed.given import Cluster as AnyCluster

pytestmark = pytest.mark.cluster


@pytest.fixture
def token(api_cluster: AnyCluster, namespace: str) -> str:
    """Of a ServiceAccount that may read the ConfigMaps of the namespace and nothing else."""
    run = api_cluster.kubectl
    run("-n", namespace, "create", "serviceaccount", "reader")
    run("-n", namespace, "create", "role", "reader", "--verb=get,list", "--resource=configmaps")
    who = f"--serviceaccount={namespace}:reader"
    run("-n", namespace, "create", "rolebinding", "reader", "--role=reader", who)
    return run("-n", namespace, "create", "token", "reader").stdout.strip()


@pytest.fixture
def server(api_cluster: AnyCluster) -> dict[str, Any]:
    """Address and authority of the server, without any credentials."""
    document = yaml.safe_load(api_cluster.kubeconfig.read_text())
    found: dict[str, Any] = document["clusters"][0]["cluster"]
    if "certificate-authority-data" not in found:
        pytest.skip("the given kubeconfig names its authority by file")
    return found


def written(folder: Path, server: dict[str, Any], user: dict[str, Any]) -> Path:
    path = folder / "kubeconfig"
    context = {"cluster": "c", "user": "u", "namespace": "mine"}
    document = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": context}],
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


async def test_a_token_is_who_we_are_and_what_it_may_not_do_says_how_to_allow_it(
    server: dict[str, Any], token: str, namespace: str, tmp_path: Path
) -> None:
    async with await Cluster.connect(written(tmp_path, server, {"token": token})) as cluster:
        assert cluster.namespace == "mine"
        assert await cluster.list(CONFIG_MAPS, namespace) is not None
        assert not await cluster.can_i("list", SECRETS, namespace)
        with pytest.raises(Forbidden, match=r"cannot list resource \"secrets\".*give this user"):
            await cluster.list(SECRETS, namespace)


async def test_a_token_file_that_was_renewed_is_read_again(
    server: dict[str, Any], token: str, namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("expired")
    async with await Cluster.connect(written(tmp_path, server, {"tokenFile": str(file)})) as cluster:
        with pytest.raises(Unauthorized):
            await cluster.list(CONFIG_MAPS, namespace)
        file.write_text(token + "\n")

        assert await cluster.list(CONFIG_MAPS, namespace) is not None


async def test_a_command_gives_the_token_and_is_asked_again_when_the_server_refuses_it(
    server: dict[str, Any], token: str, namespace: str, tmp_path: Path
) -> None:
    turns = tmp_path / "turns"
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        f"""
import json, pathlib
turns = pathlib.Path({str(turns)!r})
first = not turns.exists()
turns.touch()
status = {{"token": "stale" if first else {token!r}, "expirationTimestamp": "2999-01-01T00:00:00Z"}}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}}))
"""
    )
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(plugin)],
        "interactiveMode": "Never",
    }
    async with await Cluster.connect(written(tmp_path, server, {"exec": command})) as cluster:
        assert await cluster.list(CONFIG_MAPS, namespace) is not None


async def test_a_command_that_fails_is_named(server: dict[str, Any], tmp_path: Path) -> None:
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}
    with pytest.raises(BadKubeconfig, match="the command 'false' gave no credentials"):
        await Cluster.connect(written(tmp_path, server, {"exec": command}))


async def test_a_pod_uses_its_service_account_and_its_renewed_token(
    server: dict[str, Any], token: str, namespace: str, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(server["certificate-authority-data"]))
    (tmp_path / "namespace").write_text(namespace)
    (tmp_path / "token").write_text("expired")
    url = urlsplit(server["server"])
    environ = {"KUBERNETES_SERVICE_HOST": str(url.hostname), "KUBERNETES_SERVICE_PORT": str(url.port)}
    async with Cluster(Transport(access.in_cluster(tmp_path, environ), connections=4)) as cluster:
        with pytest.raises(Unauthorized):
            await cluster.list(CONFIG_MAPS, namespace)
        (tmp_path / "token").write_text(token)

        assert cluster.namespace == namespace
        assert await cluster.list(CONFIG_MAPS, namespace) is not None


async def test_a_changing_token_is_looked_at_before_it_runs_out(
    tmp_path: Path, server: dict[str, Any]
) -> None:
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(server["certificate-authority-data"]))
    (tmp_path / "namespace").write_text("here")
    (tmp_path / "token").write_text("first")
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    time = 0.0
    credentials = access.in_cluster(tmp_path, environ, clock=lambda: time).credentials
    (tmp_path / "token").write_text("second")

    assert await credentials.header() == "bearer first"
    time = 61.0
    assert await credentials.header() == "bearer second"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such kubeconfig file"),
        ("clusters: [", "kubeconfig: while parsing"),
        ("{}", "current-context"),
        (json.dumps({"current-context": "x", "contexts": [], "clusters": [], "users": []}), "name x"),
    ],
    ids=["missing", "not yaml", "empty", "no such context"],
)
async def test_a_kubeconfig_that_cannot_be_used_says_which_file_and_why(
    tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadKubeconfig, match=says) as refused:
        await Cluster.connect(path)
    assert str(path) in str(refused.value)


async def test_without_a_kubeconfig_or_a_pod_it_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(BadKubeconfig, match="set KUBECONFIG"):
        await access.from_surroundings(environ={"HOME": str(tmp_path)})
