"""A report can be handed to strangers: it has what they need, and no secret in any spelling."""

from __future__ import annotations

import base64
import io
import stat
import tarfile
from urllib.parse import quote

import pytest
import yaml

from reelplane_cli.cluster.redact import BLANK, Redactor
from tests.cli_cluster.stage import PASSWORD, SECRET, WHOLE


def secret(**values: str) -> dict[str, object]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data}


def test_known_values_go_wherever_and_however_they_are_spelled():
    redactor = Redactor.of([secret(url="postgresql://u:p%40ss-word@h/d", token="t0p$secret/x")])
    for text in (
        "t0p$secret/x",
        base64.b64encode(b"t0p$secret/x").decode(),
        quote("t0p$secret/x", safe=""),
        "p%40ss-word",
        "p@ss-word",
    ):
        assert redactor.text(f"before {text} after") == f"before {BLANK} after"


def test_lists_cookies_and_kubeconfigs_are_taken_apart():
    proxies = "http://alice:hunter2hunter@10.0.0.1:8080\nsocks5://bob:correcthorse@10.0.0.2:1080\n"
    cookies = "# Netscape HTTP Cookie File\n.example.com\tTRUE\t/\tTRUE\t0\tsession\tabcdef0123456789\n"
    kubeconfig = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "users": [{"name": "admin", "user": {"token": "eyTokenOf24Characters..."}}],
        }
    )
    redactor = Redactor.of([secret(list=proxies, **{"example.com": cookies}, config=kubeconfig)])
    text = redactor.text(
        "hunter2hunter correcthorse abcdef0123456789 eyTokenOf24Characters... apiVersion: v1"
    )
    assert text == f"{BLANK} {BLANK} {BLANK} {BLANK} apiVersion: v1"


@pytest.mark.parametrize(
    "text",
    [
        "redis://:hunter2@cache:6379/0",
        "Authorization: Bearer abcdef",
        "GET /x?X-Amz-Signature=abcdef&y=1",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIabcdef\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_credential_goes_although_nobody_knows_it(text):
    cleaned = Redactor(()).text(text)
    assert BLANK in cleaned
    for word in ("hunter2", "Bearer abcdef", "Signature=abcdef", "c2lnbmF0dXJl", "MIIabcdef"):
        assert word not in cleaned


def test_objects_keep_their_form_and_secrets_their_keys():
    item = {
        **secret(url="redis://x"),
        "metadata": {
            "name": "s",
            "managedFields": [{"manager": "m"}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{...}", "kept": "yes"},
        },
    }
    assert Redactor(()).item(item) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "annotations": {"kept": "yes"}},
        "data": {"url": BLANK},
    }
    pod = {
        "kind": "Pod",
        "spec": {"env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "MODE", "value": "x"}]},
    }
    env = Redactor(()).item(pod)["spec"]["env"]
    assert [each["value"] for each in env] == [BLANK, "x"]


@pytest.mark.cluster
@pytest.mark.timeout(600)
def test_the_archive_has_objects_children_events_and_versions_and_no_secret(stage):
    careless = SECRET.replace("reels-db}", "careless, annotations: {note: 'the password is swordfish-4711'}}")
    stage.apply(WHOLE, careless)
    stage.operate()
    stage.pods_run(5)
    stage.kubectl(
        "create", "configmap", "copied", f"--from-literal=url=postgresql://reels:{PASSWORD}@db/reels"
    )
    stage.kubectl("label", "configmap", "copied", "app.kubernetes.io/managed-by=reelplane")
    with stage.lost_pod():
        done = stage.cli("report", "reels", "-o", "out.tar.gz")
    assert done.returncode == 0, done.stderr
    assert "out.tar.gz" in done.stdout
    path = stage.folder / "out.tar.gz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        files = {
            member.name.partition("/")[2]: archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive.getmembers()
        }
    for name in (
        "VideoPlatform/reels.yaml",
        "VideoPipeline/shorts.yaml",
        "Deployment/reels-api.yaml",
        "StatefulSet/reels-cache.yaml",
        "ConfigMap/shorts-download.yaml",
        "Secret/reels-api.yaml",
        "events.yaml",
        "status.txt",
        "status.json",
        "figures.json",
        "versions.yaml",
    ):
        assert files.get(name), name
    assert any(name.startswith("Pod/shorts-download-") for name in files)
    assert yaml.safe_load(files["Secret/reels-api.yaml"])["data"]["database-password"] == BLANK
    assert yaml.safe_load(files["versions.yaml"])["cluster"].startswith("v1.")
    assert BLANK in files["ConfigMap/copied.yaml"]
    values = {PASSWORD, base64.b64encode(PASSWORD.encode()).decode()}
    for item in stage.get("secrets")["items"]:
        for value in (item.get("data") or {}).values():
            values |= {value, base64.b64decode(value).decode()}
    assert len(values) > 4
    everything = io.StringIO()
    for name, text in files.items():
        everything.write(f"{name}\n{text}")
    for value in values:
        assert value not in everything.getvalue()
    assert "logs/lost/worker.log" in files["unread.txt"]
