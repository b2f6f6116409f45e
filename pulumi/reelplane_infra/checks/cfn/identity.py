"""IAM, KMS, Secrets Manager."""

from __future__ import annotations

from typing import Final

from reelplane_infra.checks.cfn.counterpart import DESTROYED, Table, of

_NOBODY: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}],
}
"""Stands where a part of a role is written without its role, which must have a trust policy."""

TABLE: Final[Table] = {
    "aws:iam/role:Role": of(
        "AWS::IAM::Role",
        rename={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
        drop={"forceDetachPolicies": DESTROYED},
    ),
    "aws:iam/rolePolicy:RolePolicy": of(
        "AWS::IAM::RolePolicy",
        rename={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        constant={"PolicyName": "policy"},
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": of(
        "AWS::IAM::Role",
        part=True,
        rename={"role": "RoleName", "policyArn": "ManagedPolicyArns"},
        constant={"AssumeRolePolicyDocument": _NOBODY},
    ),
    "aws:iam/policy:Policy": of(
        "AWS::IAM::ManagedPolicy",
        rename={"name": "ManagedPolicyName", "policy": "PolicyDocument"},
        drop={"tags": "managed policies have none there"},
    ),
    "aws:iam/instanceProfile:InstanceProfile": of(
        "AWS::IAM::InstanceProfile",
        rename={"name": "InstanceProfileName", "role": "Roles"},
        drop={"tags": "instance profiles have none there"},
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": of("AWS::IAM::OIDCProvider"),
    "aws:kms/key:Key": of(
        "AWS::KMS::Key",
        rename={
            "policy": "KeyPolicy",
            "deletionWindowInDays": "PendingWindowInDays",
            "customerMasterKeySpec": "KeySpec",
            "isEnabled": "Enabled",
        },
    ),
    "aws:kms/replicaKey:ReplicaKey": of(
        "AWS::KMS::ReplicaKey", rename={"policy": "KeyPolicy", "deletionWindowInDays": "PendingWindowInDays"}
    ),
    "aws:kms/alias:Alias": of("AWS::KMS::Alias", rename={"name": "AliasName"}),
    "aws:secretsmanager/secret:Secret": of(
        "AWS::SecretsManager::Secret",
        rename={"replicas": "ReplicaRegions"},
        drop={
            "recoveryWindowInDays": DESTROYED,
            "forceOverwriteReplicaSecret": "replaces a secret of the same name",
        },
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": of(
        "AWS::SecretsManager::Secret",
        part=True,
        rename={"secretId": "Name", "secretStringWo": "SecretString"},
        convert={"secretId": lambda given: str(given).rpartition(":secret:")[2]},
        drop={"secretStringWoVersion": "the provider's own counter"},
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": of(
        "AWS::SecretsManager::ResourcePolicy", rename={"secretArn": "SecretId", "policy": "ResourcePolicy"}
    ),
}
