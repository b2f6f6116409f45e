"""The hub: every region declared by the CRDs' own model, and no credential for it that lives longer than minutes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from reelplane_crds.kinds import RegionDeployment
from reelplane_infra.record import Record, RecordedPlan, plain

GROUP = "kubernetes:reelplane.io/v1alpha1:"
SCRIPT = Path(__file__).parents[2] / "pulumi/reelplane_infra/components/rotate.sh"


@pytest.fixture(scope="module")
def fleet(everywhere: RecordedPlan) -> Record:
    return everywhere.record("global.fleet")


def test_every_region_is_deployed_with_its_role_and_weight(fleet: Record) -> None:
    found = {}
    for each in fleet.of_type(GROUP + "RegionDeployment"):
        model = RegionDeployment.model_validate(
            {"metadata": plain(each.inputs["metadata"]), "spec": plain(each.inputs["spec"])}
        )
        found[model.spec.region] = (
            model.spec.role,
            model.spec.weight,
            model.spec.cluster.in_cluster is not None,
        )
    assert found == {
        "us-west-2": ("Primary", 40, True),
        "eu-west-1": ("Primary", 30, False),
        "ap-southeast-1": ("Primary", 30, False),
        "us-east-1": ("Recovery", 0, False),
        "eu-central-1": ("Recovery", 0, False),
    }


def test_each_region_keeps_its_media_in_its_own_bucket(fleet: Record) -> None:
    for each in fleet.of_type(GROUP + "RegionDeployment"):
        spec = plain(each.inputs["spec"])
        assert spec["overrides"]["objects"]["s3"]["region"] == spec["region"]
        assert spec["region"] in spec["overrides"]["objects"]["s3"]["bucket"]


def test_patterns_are_paused_at_the_hub(fleet: Record) -> None:
    for each in fleet.of_type(GROUP + "VideoPlatform", GROUP + "VideoPipeline"):
        assert plain(each.inputs["metadata"])["annotations"]["reelplane.io/paused"] == "true"


def test_a_pipeline_that_the_operator_will_not_run_is_a_warning_of_every_preview(
    fleet: Record, dev: RecordedPlan
) -> None:
    (text,) = fleet.logs
    assert "pipelines shorts, transcode: the operator runs a platform's oldest one only" in text
    assert dev.record("dev.platform.us-west-2").logs == ()


def test_the_hub_has_one_role_and_an_entry_in_every_other_region(fleet: Record) -> None:
    (role,) = (each for each in fleet.of_type("aws:iam/role:Role"))
    entries = fleet.of_type("aws:eks/accessEntry:AccessEntry")
    assert {plain(each.inputs["region"]) for each in entries} == {
        "eu-west-1",
        "ap-southeast-1",
        "us-east-1",
        "eu-central-1",
    }
    assert {plain(each.inputs["principalArn"]) for each in entries} == {plain(role.outputs["arn"])}
    assert fleet.of_type("aws:iam/rolePolicy:RolePolicy") == ()
    assert fleet.of_type("aws:iam/accessKey:AccessKey") == ()


def test_no_credential_is_in_the_program(fleet: Record) -> None:
    for each in fleet.of_type("kubernetes:core/v1:Secret"):
        assert not {"data", "stringData"} & set(each.inputs)
        assert {"data", "stringData"} <= set(each.ignore_changes)


def test_the_rotation_may_patch_its_secrets_and_nothing_else(fleet: Record) -> None:
    (role,) = fleet.of_type("kubernetes:rbac.authorization.k8s.io/v1:Role")
    (rule,) = plain(role.inputs["rules"])
    assert rule["verbs"] == ["patch"]
    assert len(rule["resourceNames"]) == 4


def test_a_single_region_has_no_hub(dev: RecordedPlan) -> None:
    assert list(dev.record("dev.fleet").managed()) == []


class _Secrets(BaseHTTPRequestHandler):
    """The hub's API server, as far as the script sees it."""

    written: dict[str, object]

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).written[self.path] = (body, self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _run(tmp_path: Path, aws: str) -> tuple[int, dict[str, object]]:
    regions, account, tools = (tmp_path / each for each in ("regions", "account", "tools"))
    for each in (regions, account, tools):
        each.mkdir()
    for region in ("eu-west-1", "us-east-1"):
        (regions / f"{region}.json").write_text(json.dumps({"users": [{"user": {"token": "@TOKEN@"}}]}))
        (regions / f"{region}.cluster").write_text(f"global-{region}-cluster")
    (account / "token").write_text("mine")
    (account / "ca.crt").write_text("")
    (tools / "aws").write_text(f"#!/bin/bash\n{aws}\n")
    (tools / "aws").chmod(0o755)
    handler = type("Handler", (_Secrets,), {"written": {}})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        done = subprocess.run(
            ["bash", str(SCRIPT)],
            env={
                "PATH": f"{tools}:{os.environ['PATH']}",
                "REGIONS": str(regions),
                "ACCOUNT": str(account),
                "API": f"http://127.0.0.1:{server.server_port}/secrets",
                "NO_PROXY": "127.0.0.1",
            },
            capture_output=True,
            check=False,
            timeout=60,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return done.returncode, handler.written


def test_a_run_writes_a_fresh_token_for_every_region(tmp_path: Path) -> None:
    code, written = _run(tmp_path, 'echo "token-of-$4"')
    assert code == 0
    for region in ("eu-west-1", "us-east-1"):
        body, authorization = written[f"/secrets/{region}-kubeconfig"]  # type: ignore[misc]
        document = json.loads(base64.b64decode(body["data"]["kubeconfig"]))
        assert document["users"][0]["user"]["token"] == f"token-of-global-{region}-cluster"
        assert authorization == "Bearer mine"


def test_a_region_without_a_token_does_not_keep_the_others_from_theirs(tmp_path: Path) -> None:
    code, written = _run(tmp_path, "[[ $4 == *eu-west-1* ]] && exit 1; echo fine")
    assert code == 1
    assert list(written) == ["/secrets/us-east-1-kubeconfig"]
