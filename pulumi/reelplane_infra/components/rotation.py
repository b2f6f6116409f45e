"""How the hub signs in to the regions: tokens of 15 minutes, made every few minutes, and no other credential.

    CronJob at the hub (Pod Identity role) ──aws eks get-token──► Secret <region>-kubeconfig ──► the hub's operator
    the region's EKS ── access entry of that role: group reelplane:fleet ── RoleBinding in one namespace (``space``)

The operator takes from a Secret what is inline and nothing else: a kubeconfig with an ``exec`` plugin would let
whoever may write Secrets run commands in its pod, so it is refused by name. The token is therefore put in from
outside. It is made of the pod's own role without a call to AWS, and needs no right but the ones that the regions give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from reelplane_infra.component import Component
from reelplane_infra.components.access import kubeconfig
from reelplane_infra.components.identity import PodRole
from reelplane_infra.components.space import HUB_GROUP, RBAC
from reelplane_infra.config import fleet
from reelplane_infra.place import Place

SCRIPT: Final = Path(__file__).with_name("rotate.sh")
NAME: Final = "kubeconfigs"
BLANK: Final = "@TOKEN@"
"""What the script puts a token in the place of."""
SCRATCH: Final = "/scratch"
API: Final = "https://kubernetes.default.svc/api/v1/namespaces/{namespace}/secrets"


@dataclass(frozen=True, slots=True)
class Remote:
    """A region's cluster, seen from the hub."""

    region: str
    name: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    ca: pulumi.Input[str]


class Rotation(Component[fleet.Fleet]):
    """The role with its access entries, the Secrets that it fills, and the CronJob."""

    def __init__(
        self,
        name: str,
        config: fleet.Fleet,
        place: Place,
        *,
        cluster: str,
        namespace: Namespace,
        remotes: Sequence[Remote],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``cluster`` is the hub's own, ``remotes`` are all others."""
        super().__init__(name, config, place, opts)
        self._namespace = config.namespace
        after = [namespace]
        role = PodRole(
            f"{name}-role",
            config,
            place,
            cluster=cluster,
            namespace=config.namespace,
            accounts=[NAME],
            opts=self.child(),
        )
        for each in remotes:
            eks.AccessEntry(
                self.named("entry", each.region),
                region=each.region,
                cluster_name=each.name,
                principal_arn=role.arn,
                kubernetes_groups=[HUB_GROUP],
                type="STANDARD",
                tags=self.tags(),
                opts=self.child(),
            )
            Secret(
                self.named("secret", each.region),
                metadata={"name": secret(each.region), "namespace": config.namespace},
                # Filled by the CronJob. What it holds never comes here, and so never into a state.
                opts=self.child(depends_on=after, ignore_changes=["data", "stringData"]),
            )
        self._rights([secret(each.region) for each in remotes], after)
        files = pulumi.Output.all(**{each.region: (each.name, each.endpoint, each.ca) for each in remotes})
        script = ConfigMap(
            self.named("script"),
            metadata={"name": NAME, "namespace": config.namespace},
            data=files.apply(contents),
            opts=self.child(depends_on=after),
        )
        CronJob(
            self.named("job"),
            metadata={"name": NAME, "namespace": config.namespace},
            spec=job(config),
            opts=self.child(depends_on=[script, *role.associations]),
        )
        self.register_outputs({})

    def _rights(self, secrets: Sequence[str], after: Sequence[pulumi.Resource]) -> None:
        """To patch those Secrets: not to read them, and no others."""
        where = {"name": NAME, "namespace": self._namespace}
        ServiceAccount(
            self.named("account"),
            metadata=where,
            automount_service_account_token=False,
            opts=self.child(depends_on=after),
        )
        Role(
            self.named("rights"),
            metadata=where,
            rules=[
                {
                    "api_groups": [""],
                    "resources": ["secrets"],
                    "resource_names": list(secrets),
                    "verbs": ["patch"],
                }
            ],
            opts=self.child(depends_on=after),
        )
        RoleBinding(
            self.named("rights"),
            metadata=where,
            role_ref={"api_group": RBAC, "kind": "Role", "name": NAME},
            subjects=[{"kind": "ServiceAccount", "name": NAME, "namespace": self._namespace}],
            opts=self.child(depends_on=after),
        )


def secret(region: str) -> str:
    """The Secret with the region's kubeconfig, under the key ``kubeconfig``."""
    return f"{region}-kubeconfig"


def contents(clusters: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The files of the CronJob: the script, and for each region a kubeconfig without a token and the cluster's name."""
    files = {SCRIPT.name: SCRIPT.read_text(encoding="utf-8")}
    for region, (name, endpoint, ca) in clusters.items():
        files[f"{region}.json"] = json.dumps(kubeconfig(name, endpoint, ca, {"token": BLANK}), sort_keys=True)
        files[f"{region}.cluster"] = name
    return files


def job(config: fleet.Fleet) -> dict[str, Any]:
    """The CronJob's spec. Its ServiceAccount's token is mounted by hand, for ten minutes and this pod alone."""
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    return {
        "schedule": f"*/{config.rotate_minutes} * * * *",
        "concurrency_policy": "Forbid",
        "starting_deadline_seconds": 60,
        "successful_jobs_history_limit": 1,
        "failed_jobs_history_limit": 3,
        "job_template": {
            "spec": {
                "backoff_limit": 2,
                "active_deadline_seconds": 60 * config.rotate_minutes - 30,
                "template": {
                    "spec": {
                        "service_account_name": NAME,
                        "automount_service_account_token": False,
                        "restart_policy": "Never",
                        "security_context": {
                            "run_as_non_root": True,
                            "run_as_user": 65532,
                            "run_as_group": 65532,
                            "seccomp_profile": {"type": "RuntimeDefault"},
                        },
                        "containers": [
                            {
                                "name": NAME,
                                "image": config.image,
                                "command": ["bash", f"/regions/{SCRIPT.name}"],
                                "env": [
                                    {"name": "REGIONS", "value": "/regions"},
                                    {"name": "API", "value": API.format(namespace=config.namespace)},
                                    {"name": "ACCOUNT", "value": account},
                                    {"name": "HOME", "value": SCRATCH},
                                ],
                                "resources": {
                                    "requests": {"cpu": "50m", "memory": "128Mi"},
                                    "limits": {"memory": "256Mi"},
                                },
                                "security_context": {
                                    "allow_privilege_escalation": False,
                                    "read_only_root_filesystem": True,
                                    "capabilities": {"drop": ["ALL"]},
                                },
                                "volume_mounts": [
                                    {"name": "regions", "mount_path": "/regions", "read_only": True},
                                    {"name": "account", "mount_path": account, "read_only": True},
                                    {"name": "scratch", "mount_path": SCRATCH},
                                ],
                            }
                        ],
                        "volumes": [
                            {"name": "regions", "config_map": {"name": NAME}},
                            {
                                "name": "account",
                                "projected": {
                                    "sources": [
                                        {"service_account_token": {"path": "token", "expiration_seconds": 600}},
                                        {"config_map": {"name": "kube-root-ca.crt", "items": [
                                            {"key": "ca.crt", "path": "ca.crt"}]}},
                                    ]
                                },
                            },
                            {"name": "scratch", "empty_dir": {}},
                        ],
                    }
                },
            }
        },
    }  # fmt: skip
