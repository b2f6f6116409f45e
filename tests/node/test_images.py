"""The images run as the manifests run them: not as root, on a read-only root, under the ``restricted`` standard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.node.conftest import Space, pod
from tests.testbed.node.images import VERSION

pytestmark = [pytest.mark.node, pytest.mark.timeout(1800)]

Imported = Callable[[str], str]
_FOLDER = "/opt/reelplane/extractor"


def scratch(*places: str, **container: Any) -> dict[str, Any]:
    """Fields of a pod that may write to ``places``."""
    mounts = [{"name": f"scratch-{number}", "mountPath": place} for number, place in enumerate(places)]
    return {
        "volumes": [{"name": mount["name"], "emptyDir": {}} for mount in mounts],
        "container": {"volumeMounts": mounts, **container},
    }


def test_the_workloads_image_starts_the_workloads(space: Space, imported: Imported) -> None:
    workloads = imported("workloads")

    assert "Run one workload" in space.run("help", workloads, "python", "-m", "reelplane_workloads", "--help")
    # The entry point is the same.
    assert "Run one workload" in space.run("entry", workloads, container={"args": ["--help"]})


def test_the_workloads_image_holds_all_that_workloads_import(space: Space, imported: Imported) -> None:
    script = """
import subprocess
from importlib.metadata import version
import av, imageio_ffmpeg, obstore, psycopg, redis, uvloop
import reelplane_workloads.api.main, reelplane_workloads.worker.main
print(version("reelplane"), flush=True)
subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-version"], check=True)
"""
    first, second, *_ = space.run("imports", imported("workloads"), "python", "-c", script).splitlines()

    assert first == VERSION
    assert second.startswith("ffmpeg version")


def test_the_workloads_image_holds_neither_planner_nor_tools_of_the_build(
    space: Space, imported: Imported
) -> None:
    script = """
from importlib.util import find_spec
names = ["reelplane_plan", "reelplane_operator", "reelplane_cli", "kopf", "pip", "setuptools"]
print([name for name in names if find_spec(name)])
"""
    assert space.run("missing", imported("workloads"), "python", "-c", script) == "[]\n"


def test_the_extractor_in_the_workloads_image_runs(space: Space, imported: Imported) -> None:
    script = f"PYTHONPATH={_FOLDER} python -m yt_dlp --version && {_FOLDER}/bin/deno --version"
    version, deno, *_ = space.run(
        "extractor", imported("workloads"), "sh", "-c", script, **scratch("/tmp")
    ).splitlines()

    assert version.startswith("2026.")
    assert deno.startswith("deno ")


def test_an_extractor_image_is_copied_over_the_one_in_the_workloads_image(
    space: Space, imported: Imported
) -> None:
    copy = pod("copy", imported("extractor"), "cp", "-a", "/extractor", "/copy/")["spec"]["containers"][0]
    copy |= {"name": "copy", "volumeMounts": [{"name": "scratch-0", "mountPath": "/copy"}]}
    given = scratch(_FOLDER)
    given["container"]["volumeMounts"][0] |= {"subPath": "extractor", "readOnly": True}
    script = f"PYTHONPATH={_FOLDER} python -m yt_dlp --version && test -x {_FOLDER}/bin/deno"

    version = space.run("worker", imported("workloads"), "sh", "-c", script, initContainers=[copy], **given)

    assert imported("extractor").endswith(f":{version.strip()}")


def test_the_operator_image_starts_the_operator(space: Space, imported: Imported) -> None:
    printed = space.run(
        "help", imported("operator"), "python", "-m", "reelplane_operator", "run", "--help", **scratch("/tmp")
    )

    assert "--leader-elect" in printed


def test_the_stand_in_of_valkey_keeps_the_contract_of_the_image(space: Space, imported: Imported) -> None:
    ping = {"exec": {"command": ["valkey-cli", "-p", "6379", "ping"]}}
    server = pod("valkey", imported("valkey"), "valkey-server", **scratch("/data", readinessProbe=ping))
    server["spec"]["containers"][0]["args"] = [
        "--protected-mode",
        "no",
        "--dir",
        "/data",
        "--appendonly",
        "yes",
    ]
    space.create(server)

    space.wait("pod/valkey", "condition=Ready")

    assert "valkey_version:9" in space.kubectl("exec", "valkey", "--", "valkey-cli", "info", "server").stdout


def test_the_stand_in_of_postgres_keeps_the_contract_of_the_image(space: Space, imported: Imported) -> None:
    ready = ["pg_isready", "-h", "127.0.0.1", "-p", "5433", "-U", "reelplane", "-d", "media"]
    server = pod("postgres", imported("postgres"), **scratch("/data", "/var/run/postgresql", "/tmp"))
    server["spec"]["securityContext"] |= {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999}
    server["spec"]["volumes"].append(
        {"name": "secrets", "secret": {"secretName": "password", "defaultMode": 0o440}}
    )
    container = server["spec"]["containers"][0]
    container["args"] = ["-p", "5433"]
    container["readinessProbe"] = {"exec": {"command": ready}}
    container["volumeMounts"].append({"name": "secrets", "mountPath": "/etc/secrets", "readOnly": True})
    container["env"] = [
        {"name": "POSTGRES_USER", "value": "reelplane"},
        {"name": "POSTGRES_DB", "value": "media"},
        {"name": "POSTGRES_PASSWORD_FILE", "value": "/etc/secrets/password"},
        {"name": "PGDATA", "value": "/data/pgdata"},
    ]
    space.kubectl("create", "secret", "generic", "password", "--from-literal=password=once")
    space.create(server)
    space.wait("pod/postgres", "condition=Ready")

    def ask(password: str) -> str:
        url = f"postgresql://reelplane:{password}@127.0.0.1:5433/media"
        done = space.kubectl(
            "exec", "postgres", "--", "psql", url, "-tAc", "select current_user", check=False
        )
        return done.stdout + done.stderr

    assert ask("once") == "reelplane\n"
    assert "password authentication failed" in ask("twice")


def test_the_s3_server_starts_as_any_user(space: Space, imported: Imported) -> None:
    alive = {"httpGet": {"path": "/healthz", "port": 9000}}
    server = pod(
        "s3", imported("versitygw"), "versitygw", **scratch("/data/media", "/tmp", readinessProbe=alive)
    )
    container = server["spec"]["containers"][0]
    container["args"] = ["--port", ":9000", "--health", "/healthz", "--quiet", "posix", "/data"]
    container["env"] = [
        {"name": "ROOT_ACCESS_KEY", "value": "access"},
        {"name": "ROOT_SECRET_KEY", "value": "secret"},
    ]
    space.create(server)

    space.wait("pod/s3", "condition=Ready")
