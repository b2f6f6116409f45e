"""Regions' kubeconfigs out of Secrets: what is refused, what is shared, and when a connection ends."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from reelplane_operator.cluster.errors import BadKubeconfig, Unreachable
from reelplane_operator.cluster.inline import from_text
from reelplane_operator.cluster.kubeconfigs import RemoteClusters
from tests.operator.cluster.conftest import kubeconfig_of
from tests.testbed.given import Cluster as AnyCluster

SECRET = "s3cr3t-value"
SERVER = "https://region.example.com:6443"


def text(user: dict[str, Any] | None = None, server: str = SERVER, **cluster: Any) -> str:
    return yaml.safe_dump(kubeconfig_of(server, {"token": SECRET} if user is None else user, **cluster))


@pytest.mark.parametrize(
    ("user", "cluster", "field", "instead"),
    [
        ({"exec": {"command": "id", "args": [SECRET]}}, {}, "exec", "run a command"),
        ({"auth-provider": {"name": "gcp"}}, {}, "auth-provider", "run a plugin"),
        (
            {"tokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token"},
            {},
            "tokenFile",
            "read a file",
        ),
        ({"client-certificate": "/etc/a.crt"}, {}, "client-certificate", "client-certificate-data"),
        ({"client-key": "/etc/a.key"}, {}, "client-key", "client-key-data"),
        ({"token": SECRET}, {"certificate-authority": "/etc/ca"}, "certificate-authority", "-data"),
        ({"token": SECRET, "as": "system:admin"}, {}, "as", "allowed are"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_commands_and_files_are_refused_by_name(
    user: dict[str, Any], cluster: dict[str, Any], field: str, instead: str
) -> None:
    with pytest.raises(BadKubeconfig, match=instead) as refused:
        from_text(text(user, **cluster))

    assert f".{field} is refused" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (f"token: [{SECRET}", "not YAML"),
        (SECRET, "expected a mapping"),
        ("{}", "current-context is not set"),
        (text(server="http://region.example.com"), "expected https"),
        (text({"client-certificate-data": SECRET}), "not base64"),
        (text({"client-certificate-data": base64.b64encode(SECRET.encode()).decode()}), "cannot be used"),
        (text(**{"certificate-authority-data": base64.b64encode(b"no PEM").decode()}), "cannot be used"),
        (text().replace("current-context: here", "current-context: there"), "no 'there' in contexts"),
    ],
    ids=[
        "not-yaml",
        "no-mapping",
        "empty",
        "plain-http",
        "not-base64",
        "no-pair",
        "no-authority",
        "no-context",
    ],
)
def test_what_cannot_be_used_says_why_and_never_a_value(document: str, says: str) -> None:
    with pytest.raises(BadKubeconfig, match=says) as refused:
        from_text(document)

    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None or SECRET not in str(refused.value.__cause__)


async def test_nothing_of_a_key_stays_on_disk(
    api_cluster: AnyCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    remotes = RemoteClusters()
    cluster = await remotes.get("region", api_cluster.kubeconfig.read_text())

    assert (await cluster.server_version()).startswith("v1."), "a client certificate is who we are"
    assert os.listdir(tmp_path) == []
    await remotes.close()


async def test_one_connection_serves_all_that_have_the_same_text_and_ends_with_the_last() -> None:
    remotes = RemoteClusters()
    one = await remotes.get("a", text())
    same = await remotes.get("b", text())
    assert one is same
    assert await remotes.get("a", text()) is one

    await remotes.drop("a")
    assert await remotes.get("b", text()) is one

    await remotes.keep(["nobody"])
    with pytest.raises(Unreachable, match="closed on our side"):
        await one.server_version()


async def test_a_changed_text_is_a_new_connection_and_ends_the_old_one() -> None:
    remotes = RemoteClusters()
    before = await remotes.get("a", text())
    after = await remotes.get("a", text({"token": "rotated"}))

    assert after is not before
    with pytest.raises(Unreachable, match="closed on our side"):
        await before.server_version()
    await remotes.close()


async def test_a_text_that_became_bad_ends_the_connection_of_the_good_one() -> None:
    """A person took the credentials back: what they were is no longer used."""
    remotes = RemoteClusters()
    before = await remotes.get("a", text())
    with pytest.raises(BadKubeconfig):
        await remotes.get("a", "{}")

    with pytest.raises(Unreachable, match="closed on our side"):
        await before.server_version()
    assert await remotes.get("a", text()) is not before
    await remotes.close()
