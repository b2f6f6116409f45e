"""A Valkey user whose password is made by Secrets Manager and goes from there to ElastiCache, and to nobody else.

The two are made by CloudFormation, the one way in which AWS itself carries a secret from one service to the other:
``GenerateSecretString`` makes it and a dynamic reference hands it on. Made by the program, a password would stand in
its inputs and in the state. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
dynamic-references-secretsmanager.html (2026-11)
"""

from __future__ import annotations

import json

import pulumi
from pulumi_aws import cloudformation

from reelplane_infra.component import Component
from reelplane_infra.config import secrets
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

RIGHTS = "on ~* &* +@all -@dangerous +info"
"""Everything but commands that harm other clients, https://valkey.io/topics/acl/; INFO is read by health checks."""


class Credential(Component[secrets.Secrets]):
    """The secret (keys ``username``, ``password``) and the user."""

    data_class = DataClass.PRIMARY

    secret: str
    """The secret's name."""
    user_id: str
    stack: cloudformation.Stack
    """To depend on: both exist when it does."""

    def __init__(
        self,
        name: str,
        config: secrets.Secrets,
        place: Place,
        *,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        self.secret = self.user_id = self.named("user")
        self.stack = cloudformation.Stack(
            self.named("user"),
            region=place.region,
            name=self.named("user"),
            template_body=pulumi.Output.from_input(key_arn).apply(
                lambda key: json.dumps(
                    template(self.secret, key, config.password_length, self.data_tags()), sort_keys=True
                )
            ),
            tags=self.data_tags(),
            opts=self.data(),
        )
        self.register_outputs({})


def template(name: str, key: str, length: int, tags: dict[str, str]) -> dict[str, object]:
    """The CloudFormation template. The secret outlives the stack, as everything that holds data does."""
    labels = [{"Key": tag, "Value": value} for tag, value in tags.items()]
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{name}: a password that only AWS knows",
        "Resources": {
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "Name": name,
                    "Description": "Valkey user, made and kept by AWS",
                    "KmsKeyId": key,
                    "GenerateSecretString": {
                        "SecretStringTemplate": json.dumps({"username": name}),
                        "GenerateStringKey": "password",
                        "PasswordLength": length,
                        "ExcludePunctuation": True,
                    },
                    "Tags": labels,
                },
            },
            "User": {
                "Type": "AWS::ElastiCache::User",
                "Properties": {
                    "UserId": name,
                    "UserName": name,
                    "Engine": "valkey",
                    "AccessString": RIGHTS,
                    "AuthenticationMode": {
                        "Type": "password",
                        "Passwords": [
                            {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"}
                        ],
                    },
                    "Tags": labels,
                },
            },
        },
    }
