"""The containers of the servers that are run for a platform: Valkey, PostgreSQL, S3.

Each is the upstream image under its usual contract, as a user that is not root and on a read-only root.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from reelplane_plan.builders.servers import valkey_options
from reelplane_plan.render.manifests import pod
from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import generated_secret
from reelplane_plan.servers import EmbeddedServer, ObjectServer, PostgresServer, ValkeyServer
from reelplane_plan.types import Plan, Workload

DATA = "data"
"""Name of the volume that holds what a server keeps."""
_DATA = "/data"
_PASSWORDS = "/etc/reelplane/secrets"
_POSTGRES_USER = 999
"""``postgres`` of the upstream image on Debian: initdb wants a user that the image knows."""


@dataclass(frozen=True, slots=True)
class ServerContainer:
    container: Manifest
    user: int = pod.NONROOT
    scratch: tuple[str, ...] = ()
    """Names of the emptyDirs that the container mounts beside its data."""
    secrets: tuple[Manifest, ...] = ()
    """Volumes of secret files that the container mounts."""


def build(workload: Workload, server: EmbeddedServer, plan: Plan) -> ServerContainer:
    if isinstance(server, ValkeyServer):
        return _valkey(workload, server, plan)
    if isinstance(server, PostgresServer):
        return _postgres(workload, server, plan)
    return _objects(workload, server, plan)


def _valkey(workload: Workload, server: ValkeyServer, plan: Plan) -> ServerContainer:
    port = _port(workload)
    # With -e an answer that is an error, as while the append-only file is read, counts as one.
    ping = partial(_exec, "valkey-cli", "-e", "-p", str(port), "ping")
    listens = partial(_listens, workload)
    made = pod.container(
        "valkey",
        plan.cluster.images.valkey,
        plan,
        command=["valkey-server"],
        # Without a password a server refuses all but its own host; who may come in is the NetworkPolicy's.
        args=["--protected-mode", "no", "--port", str(port), "--dir", _DATA, *valkey_options(server)],
        ports=[{"name": workload.name, "containerPort": port}],
        **pod.probes(listens, ping, started=ping, patience=5),
        resources=pod.resources(workload.resources),
        volumeMounts=[{"name": DATA, "mountPath": _DATA}],
    )
    return ServerContainer(made)


def _postgres(workload: Workload, server: PostgresServer, plan: Plan) -> ServerContainer:
    """Its entry point makes user and database at the first start. While it does, the server answers on its Unix
    socket only; the startup probe asks by TCP, and so does not take that for being ready. Later one that refuses
    because it recovers is alive: killing it would begin the recovery anew."""
    port = _port(workload)
    answers = partial(_exec, "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-U", server.user)
    listens = partial(_listens, workload)
    made = pod.container(
        "postgres",
        plan.cluster.images.postgres,
        plan,
        args=["-p", str(port)],
        env=[
            {"name": "POSTGRES_USER", "value": server.user},
            {"name": "POSTGRES_DB", "value": server.database},
            {"name": "POSTGRES_PASSWORD_FILE", "value": f"{_PASSWORDS}/{server.password}"},
            # Below the mount point: a new file system has a lost+found, and initdb wants an empty folder.
            {"name": "PGDATA", "value": f"{_DATA}/pgdata"},
        ],
        ports=[{"name": workload.name, "containerPort": port}],
        **pod.probes(listens, listens, started=answers, patience=5),
        resources=pod.resources(workload.resources),
        volumeMounts=[
            {"name": DATA, "mountPath": _DATA},
            {"name": "run", "mountPath": "/var/run/postgresql"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own, on an emptyDir
            {"name": "secrets", "mountPath": _PASSWORDS, "readOnly": True},
        ],
    )
    secrets: Manifest = {
        "name": "secrets",
        "secret": {"secretName": generated_secret(plan, server.password), "defaultMode": 0o440},
    }
    return ServerContainer(made, user=_POSTGRES_USER, scratch=("run", "tmp"), secrets=(secrets,))


def _objects(workload: Workload, server: ObjectServer, plan: Plan) -> ServerContainer:
    """A bucket is a folder of the server's root, so a folder of the volume is mounted there under the bucket's
    name: the bucket is there without anybody having made it. Beside it the server keeps its lock files."""
    port = _port(workload)
    made = pod.container(
        "s3",
        plan.cluster.images.s3,
        plan,
        command=["versitygw"],
        args=[
            *("--port", f":{port}", "--region", server.region, "--health", "/healthz"),
            *("--keep-alive", "--quiet", "posix", _DATA),
        ],
        env=[
            _from_secret("ROOT_ACCESS_KEY", server.access_key, plan),
            _from_secret("ROOT_SECRET_KEY", server.secret_key, plan),
        ],
        ports=[{"name": workload.name, "containerPort": port}],
        **pod.probes(partial(_alive, workload.name), partial(_alive, workload.name)),
        resources=pod.resources(workload.resources),
        volumeMounts=[
            {"name": "root", "mountPath": _DATA},
            {"name": DATA, "mountPath": f"{_DATA}/{server.bucket}", "subPath": server.bucket},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own, on an emptyDir
        ],
    )
    return ServerContainer(made, scratch=("root", "tmp"))


def _listens(workload: Workload) -> Manifest:
    """Where a command would do, too: each is a process in a container, tens of milliseconds of a core."""
    return {"tcpSocket": {"port": workload.name}}


def _port(workload: Workload) -> int:
    if workload.endpoint is None:
        raise ValueError(f"workload {workload.name!r} has no endpoint, and a server is one")
    return workload.endpoint.port


def _from_secret(variable: str, file: str, plan: Plan) -> Manifest:
    reference = {"name": generated_secret(plan, file), "key": file}
    return {"name": variable, "valueFrom": {"secretKeyRef": reference}}


def _alive(port: str) -> Manifest:
    return {"httpGet": {"path": "/healthz", "port": port}}


def _exec(*command: str) -> Manifest:
    return {"exec": {"command": list(command)}}
