"""Who may do what, and the keys: IAM, KMS, Secrets Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.accept.translation import Call, Table, one
from reelplane_infra.checks.shaping import Rules

_DESTROYED: Final = "read when the resource is destroyed"


def _primary_region(inputs: Mapping[str, Any]) -> str:
    """A replica is asked for in the region of its primary, ``arn:aws:kms:<region>:...``."""
    return str(inputs["primaryKeyArn"]).split(":")[3]


TABLE: Final[Table] = {
    "aws:iam/role:Role": one(
        "iam",
        "CreateRole",
        "Role.RoleName",
        rename={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
        drop={"forceDetachPolicies": _DESTROYED},
        constant={"RoleName": "{name}"},
    ),
    "aws:iam/rolePolicy:RolePolicy": one(
        "iam",
        "PutRolePolicy",
        "{role}:{name}",
        rename={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        constant={"PolicyName": "{name}"},
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": one(
        "iam", "AttachRolePolicy", "{role}-{policyArn}", rename={"role": "RoleName"}
    ),
    "aws:iam/policy:Policy": one(
        "iam",
        "CreatePolicy",
        "Policy.Arn",
        rename={"name": "PolicyName", "policy": "PolicyDocument"},
        constant={"PolicyName": "{name}"},
    ),
    "aws:iam/instanceProfile:InstanceProfile": one(
        "iam",
        "CreateInstanceProfile",
        "InstanceProfile.InstanceProfileName",
        rename={"name": "InstanceProfileName"},
        constant={"InstanceProfileName": "{name}"},
        then=(
            Call(
                "AddRoleToInstanceProfile",
                Rules({"role": "RoleName"}, constant={"InstanceProfileName": "{id}"}),
                ("role",),
            ),
        ),
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": one(
        "iam",
        "CreateOpenIDConnectProvider",
        "OpenIDConnectProviderArn",
        rename={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": one("iam", "CreateServiceLinkedRole", "Role.Arn"),
    "aws:kms/key:Key": one(
        "kms",
        "CreateKey",
        "KeyMetadata.KeyId",
        rename={"customerMasterKeySpec": "KeySpec"},
        drop={"deletionWindowInDays": _DESTROYED},
        then=(
            Call(
                "EnableKeyRotation",
                Rules(drop={"enableKeyRotation": "is the operation"}, constant={"KeyId": "{id}"}),
                ("enableKeyRotation", "rotationPeriodInDays"),
                when=lambda made: bool(made.inputs.get("enableKeyRotation")),
            ),
        ),
    ),
    "aws:kms/replicaKey:ReplicaKey": one(
        "kms",
        "ReplicateKey",
        "ReplicaKeyMetadata.KeyId",
        result="ReplicaKeyMetadata",
        region=_primary_region,
        rename={"primaryKeyArn": "KeyId"},
        # AWS takes the id as well as the ARN, moto the id alone.
        convert={"primaryKeyArn": lambda arn: str(arn).rpartition("/")[2]},
        drop={"deletionWindowInDays": _DESTROYED},
        build=lambda made: {"ReplicaRegion": made.inputs["region"]},
    ),
    "aws:kms/alias:Alias": one("kms", "CreateAlias", "{name}", rename={"name": "AliasName"}),
    "aws:secretsmanager/secret:Secret": one(
        "secretsmanager",
        "CreateSecret",
        "ARN",
        outputs={"arn": "ARN"},
        rename={"replicas": "AddReplicaRegions"},
        drop={"recoveryWindowInDays": _DESTROYED},
        constant={"Name": "{name}"},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": one(
        "secretsmanager",
        "PutSecretValue",
        "VersionId",
        rename={"secretStringWo": "SecretString"},
        drop={"secretStringWoVersion": "the provider's own counter"},
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": one(
        "secretsmanager",
        "PutResourcePolicy",
        "ARN",
        rename={"secretArn": "SecretId", "policy": "ResourcePolicy"},
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": one("secretsmanager", "RotateSecret", "ARN"),
}
