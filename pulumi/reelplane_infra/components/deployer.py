"""The role that runs ``pulumi up``: who may take it, and how far it reaches.

It changes only what carries the environment's name, in the environment's regions; reading is wider, since most
``Describe`` and ``List`` actions take no resource. It makes no users and no access keys, passes roles only to the
services that need one, reads secrets, logs, messages and images of its environment only, and never touches itself.
What the services make for themselves on first use (service-linked roles) it may make for the services that are named.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import pulumi
from pulumi_aws import iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.config import foundation
from reelplane_infra.place import Place

CHANGE: Final = ("Create*", "Delete*", "Modify*", "Update*", "Put*", "Tag*", "Untag*")
"""Verbs of the actions that make, change and remove, as the services name them."""
READ: Final = ("Describe*", "Get*", "List*")
SECRETS: Final = "secretsmanager"
HAND_OUT: Final = frozenset({"cassandra", "ecr", "es", "lambda", "logs", "sqs", SECRETS})
"""Services whose ``Get*`` hands out what is kept: images, code, lines of logs, messages, secrets."""
SIZE: Final = 6144
"""Characters of a managed policy, white space not counted,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (2026-11)."""

Reach = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""IAM's prefix of a service -> the verbs and the resources of it that are changed, in the environment's regions.
``{env}`` is the environment's name."""

COMPUTE: Final[Reach] = MappingProxyType(
    {
        "ec2": (
            (
                *CHANGE,
                "Allocate*",
                "Release*",
                "Attach*",
                "Detach*",
                "Associate*",
                "Disassociate*",
                "Authorize*",
                "Revoke*",
                "RunInstances",
                "TerminateInstances",
            ),
            ("*",),
        ),
        "eks": ((*CHANGE, "Associate*", "Disassociate*"), ("*/{env}-*", "*/{env}-*/*")),
        "elasticloadbalancing": (
            (
                *CHANGE,
                "Set*",
                "AddTags",
                "RemoveTags",
                "AddListenerCertificates",
                "RemoveListenerCertificates",
            ),
            ("loadbalancer/app/{env}-*", "targetgroup/{env}-*", "listener*/app/{env}-*"),
        ),
        "acm": (
            ("RequestCertificate", "DeleteCertificate", "AddTagsToCertificate", "RemoveTagsFromCertificate"),
            ("certificate/*",),
        ),
        "ecr": ((*CHANGE, "SetRepositoryPolicy"), ("repository/reelplane-{env}/*",)),
        "lambda": (CHANGE, ("function:{env}-*", "event-source-mapping:*")),
        "logs": ((*CHANGE, "AssociateKmsKey"), ("log-group:/reelplane/{env}/*", "log-group:/aws/*/{env}-*")),
        "sqs": ((*CHANGE, "SetQueueAttributes"), ("{env}-*",)),
        "events": ((*CHANGE, "RemoveTargets"), ("rule/{env}-*",)),
    }
)
"""https://docs.aws.amazon.com/service-authorization/latest/reference/ (2026-11), as the next."""

STORES: Final[Reach] = MappingProxyType(
    {
        "elasticache": ((*CHANGE, "AddTagsToResource", "RemoveTagsFromResource"), ("*:{env}-*",)),
        "kafka": (CHANGE, ("*/{env}-*", "*/{env}-*/*")),
        "es": ((*CHANGE, "AddTags", "RemoveTags"), ("domain/{env}-*",)),
        "rds": ((*CHANGE, "AddTagsToResource", "RemoveTagsFromResource"), ("*:{env}-*",)),
        "cassandra": (("Create", "Alter", "Drop", "TagResource", "UntagResource"), ("/keyspace/{env}_*",)),
        "kms": (
            (*CHANGE, "Enable*", "Disable*", "ReplicateKey", "ScheduleKeyDeletion", "CancelKeyDeletion"),
            ("key/*", "alias/reelplane/{env}"),
        ),
        # CloudFormation makes the Valkey users (``credential``) with the rights of its caller.
        "cloudformation": (CHANGE, ("stack/{env}-*/*",)),
        SECRETS: ((*CHANGE, "ReplicateSecretToRegions"), ("secret:{env}-*",)),
        "backup": ((*CHANGE, "StartBackupJob"), ("backup-vault:{env}-*", "backup-plan:*")),
    }
)

PASSED_TO: Final = (
    "eks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "ec2.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
    "s3.amazonaws.com",
    "kafka.amazonaws.com",
    "backup.amazonaws.com",
    "monitoring.rds.amazonaws.com",
    "lambda.amazonaws.com",
    "arc-region-switch.amazonaws.com",
)
"""Services that a role may be handed to."""

LINKED: Final = (
    "eks.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "autoscaling.amazonaws.com",
    "spot.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "elasticache.amazonaws.com",
    "kafka.amazonaws.com",
    "opensearchservice.amazonaws.com",
    "rds.amazonaws.com",
    "mrk.kms.amazonaws.com",
    "replication.ecr.amazonaws.com",
    "replication.cassandra.amazonaws.com",
)
"""Services whose own role may be made, https://docs.aws.amazon.com/IAM/latest/UserGuide/
reference_aws-services-that-work-with-iam.html (2026-11)."""


class Deployer(Component[foundation.Deployers]):
    """The role and its policies: regional services in two, since a policy has a largest size, and the global ones."""

    role_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: foundation.Deployers,
        place: Place,
        *,
        regions: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        role = iam.Role(
            self.named("role"),
            name=place.fitted(naming.ROLE, name),
            description=f"Runs pulumi up for {place.environment}",
            assume_role_policy=json.dumps(trust(config.principals)),
            max_session_duration=config.max_session_hours * 3600,
            tags=self.tags(),
            opts=self.child(),
        )
        for part, document in (
            ("compute", regional(place, regions, COMPUTE)),
            ("stores", regional(place, regions, STORES)),
            ("global", everywhere(place, name)),
        ):
            policy = iam.Policy(
                self.named(part),
                name=place.fitted(naming.ROLE, name, part),
                policy=_fitted(part, document),
                tags=self.tags(),
                opts=self.child(),
            )
            iam.RolePolicyAttachment(
                self.named(part), role=role.name, policy_arn=policy.arn, opts=self.child()
            )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})


def trust(principals: Sequence[str]) -> dict[str, object]:
    """Only the named users and roles, and sessions that carry their name into CloudTrail."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": sorted(principals)},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
            }
        ],
    }


def regional(place: Place, regions: Sequence[str], reach: Reach) -> dict[str, object]:
    """Changing what is the environment's, in its regions, and reading what is in them."""
    there = {"StringEquals": {"aws:RequestedRegion": sorted(regions)}}
    change = [
        {
            "Effect": "Allow",
            "Action": _actions(service, (*verbs, *(("Get*",) if service in HAND_OUT else ()))),
            "Resource": [_arn(place, service, resource) for resource in resources],
            "Condition": there,
        }
        for service, (verbs, resources) in reach.items()
    ]
    read = {
        "Effect": "Allow",
        "Action": [action for service in reach for action in _reads(service)],
        "Resource": "*",
        "Condition": there,
    }
    statements = [*change, read]
    if SECRETS in reach:
        statements.append(
            {
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": [_arn(place, "kms", "key/*")],
                "Condition": {
                    "StringEquals": {
                        "kms:ViaService": [f"{SECRETS}.{each}.amazonaws.com" for each in sorted(regions)]
                    }
                },
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def everywhere(place: Place, name: str) -> dict[str, object]:
    """The global services: roles and buckets by name, zones, distributions, the budget."""
    env = place.environment
    roles = place.arn("iam", f"role/{env}-*", region="")
    policies = place.arn("iam", f"policy/{env}-*", region="")
    own = [place.arn("iam", f"{kind}/{place.name(name)}*", region="") for kind in ("role", "policy")]
    allow = [
        (_actions("s3", (*CHANGE, *READ)), [place.arn("s3", f"{env}-*", region="", account="")]),
        (_actions("iam", ("*Role", "*RolePolicy", "*RolePolicies", "*Policy", "*PolicyVersion", "*PolicyVersions",
                          "*InstanceProfile", "*InstanceProfiles", "*RoleTags", "List*")),
         [roles, policies, place.arn("iam", f"instance-profile/{env}-*", region="")]),
        # What does not exist yet has no ARN to name.
        (_actions("route53", ("CreateHostedZone", "CreateHealthCheck", *READ)), "*"),
        (_actions("route53", ("Change*", "Delete*", "Update*")),
         [place.arn("route53", f"{kind}/*", region="", account="") for kind in ("hostedzone", "healthcheck")]),
        (_actions("cloudfront", (*CHANGE, *READ)), [place.arn("cloudfront", "*", region="")]),
        (_actions("wafv2", (*CHANGE, *READ, "Associate*", "Disassociate*")),
         [place.arn("wafv2", "*", region="us-east-1")]),
        (_actions("acm", (*CHANGE, *READ, "RequestCertificate", "AddTagsToCertificate")),
         [place.arn("acm", "certificate/*", region="us-east-1")]),
        # CloudFront's and its firewall's logs are set up in us-east-1, whatever the environment's regions.
        (_actions("logs", CHANGE),
         [place.arn("logs", each, region="us-east-1")
          for each in (f"log-group:aws-waf-logs-{env}*", f"delivery*:{env}-*", "delivery:*")]),
        (_actions("logs", READ), [place.arn("logs", "*", region="us-east-1")]),
        (_actions("arc-region-switch", (*CHANGE, *READ)),
         [place.arn("arc-region-switch", f"plan/{env}-*", region="*")]),
        (["budgets:ModifyBudget", "budgets:ViewBudget", "budgets:TagResource"],
         [place.arn("budgets", f"budget/{env}-*", region="")]),
    ]  # fmt: skip
    return {
        "Version": "2012-10-17",
        "Statement": [
            *({"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in allow),
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": roles,
                "Condition": {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}},
            },
            {
                "Effect": "Allow",
                "Action": "iam:CreateServiceLinkedRole",
                "Resource": place.arn("iam", "role/aws-service-role/*", region=""),
                "Condition": {"StringEquals": {"iam:AWSServiceName": list(LINKED)}},
            },
            {
                "Sid": "NeverItself",
                "Effect": "Deny",
                "Action": _actions("iam", ("Attach*", "Put*", "Update*", "Create*")),
                "Resource": own,
            },
        ],
    }


def _fitted(part: str, document: Mapping[str, object]) -> str:
    """The document as text. Raises ValueError if it is longer than IAM takes."""
    text = json.dumps(document, separators=(",", ":"))
    if len(text) > SIZE:
        raise ValueError(f"deployer's policy {part}: {len(text)} characters, {SIZE} are allowed; split it")
    return text


def _reads(service: str) -> list[str]:
    """What is kept is no description: it is read by name, with what is changed."""
    verbs = [verb for verb in READ if service not in HAND_OUT or verb != "Get*"]
    return _actions(service, [*verbs, "GetRandomPassword"] if service == SECRETS else verbs)


def _actions(service: str, verbs: Iterable[str]) -> list[str]:
    return [f"{service}:{verb}" for verb in verbs]


def _arn(place: Place, service: str, resource: str) -> str:
    return place.arn(service, resource.format(env=place.environment), region="*")
