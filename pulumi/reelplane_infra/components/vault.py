"""How passwords reach pods: from Secrets Manager by External Secrets, which writes whole URLs into one Secret.

    Secrets Manager ──(role of External Secrets: these secrets, no others)──► Secret ``stores`` ──► VideoPlatform

The program knows hosts and names, AWS knows the passwords, and the two meet in the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import secretsmanager
from pulumi_kubernetes.apiextensions import CustomResource

from reelplane_infra.component import Component
from reelplane_infra.components.charts import SECRETS
from reelplane_infra.components.declarations import STORES
from reelplane_infra.components.identity import PodRole, Statement, allow
from reelplane_infra.config import secrets
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass


class Vault(Component[secrets.Secrets]):
    """The database user's secret, the role that reads all of them, and what turns them into URLs."""

    data_class = DataClass.PRIMARY

    urls: CustomResource
    """What makes the Secret, to depend on."""

    def __init__(
        self,
        name: str,
        config: secrets.Secrets,
        place: Place,
        *,
        cluster: str,
        namespace: str,
        hosts: Mapping[str, pulumi.Input[str]],
        known: Mapping[str, pulumi.Input[str]],
        database: pulumi.Input[str],
        database_host: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        needs: Sequence[pulumi.Resource],
        kubernetes: pulumi.ProviderResource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``hosts`` and ``known`` are the hosts of the Valkey servers and the names of their secrets, by use;
        ``needs`` is External Secrets."""
        super().__init__(name, config, place, opts)
        user = secretsmanager.Secret(
            self.named("database"),
            region=place.region,
            name=self.named("database"),
            description="username and password of the platform's database user; put in once by hand",
            kms_key_id=key_arn,
            recovery_window_in_days=30,
            tags=self.data_tags(),
            opts=self.data(),
        )
        PodRole(
            f"{name}-reader",
            config,
            place,
            cluster=cluster,
            namespace=SECRETS,
            accounts=[SECRETS],
            statements=pulumi.Output.all(key_arn, user.arn, *known.values()).apply(
                lambda found: permissions(place, key=found[0], exact=[found[1]], named=found[2:])
            ),
            opts=self.child(),
        )
        store = CustomResource(
            self.named("store"),
            api_version="external-secrets.io/v1",
            kind="SecretStore",
            metadata={"name": "aws", "namespace": namespace},
            spec={"provider": {"aws": {"service": "SecretsManager", "region": place.region}}},
            opts=self.child(depends_on=needs, provider=kubernetes),
        )
        data = {**known, "database": user.name}
        self.urls = CustomResource(
            self.named("urls"),
            api_version="external-secrets.io/v1",
            kind="ExternalSecret",
            metadata={"name": STORES, "namespace": namespace},
            spec={
                "refreshInterval": f"{config.refresh_minutes}m",
                "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
                "target": {
                    "name": STORES,
                    "template": {
                        "engineVersion": "v2",
                        "data": {
                            **{use: _url("rediss", use, hosts[use], ":6379/0") for use in known},
                            "database": _url(
                                "postgresql",
                                "database",
                                database_host,
                                pulumi.Output.concat(":5432/", database, "?sslmode=require"),
                            ),
                        },
                    },
                },
                "data": [
                    {
                        "secretKey": f"{use}_{field}",
                        "remoteRef": {"key": secret, "property": field},
                    }
                    for use, secret in data.items()
                    for field in ("username", "password")
                ],
            },
            opts=self.child(depends_on=[store], provider=kubernetes),
        )
        self.register_outputs({})


def _url(scheme: str, use: str, host: pulumi.Input[str], rest: pulumi.Input[str]) -> pulumi.Output[str]:
    """A URL as a template of External Secrets: user and password are filled in inside the cluster."""
    user, password = (f"{{{{ .{use}_{field} | urlquery }}}}" for field in ("username", "password"))
    return pulumi.Output.concat(f"{scheme}://{user}:{password}@", host, rest)


def permissions(place: Place, *, key: str, exact: Sequence[str], named: Sequence[str]) -> list[Statement]:
    """Reading these secrets. ``named`` are those of which only the name is known: Secrets Manager adds six characters
    to an ARN, which six question marks stand for and nothing longer,
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html (2026-11)."""
    arns = [*exact, *(place.arn("secretsmanager", f"secret:{each}-??????") for each in named)]
    return [
        allow(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], arns),
        allow(
            ["kms:Decrypt"],
            [key],
            StringEquals={"kms:ViaService": f"secretsmanager.{place.region}.amazonaws.com"},
        ),
    ]
