"""Who may do what: no wildcards in what is allowed, wherever a document stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reelplane_policies.documents import any_of, documents, of
from reelplane_policies.rule import Requirement, Resource, Rule, Settings, Violation, not_true, required, true

ATTACHMENTS: Final = frozenset(
    {
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    }
)
KEYS: Final = frozenset({"aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey"})
USERS: Final = frozenset(
    {"aws:iam/user:User", "aws:iam/accessKey:AccessKey", "aws:iam/userLoginProfile:UserLoginProfile"}
)
TOO_WIDE: Final = re.compile(r"(AdministratorAccess|PowerUserAccess|FullAccess)$")
READS: Final = re.compile(r"[a-z0-9-]+:(Describe|List|Get|View)[A-Za-z]*\*?$")
DATA: Final = re.compile(
    r"(s3|s3express|secretsmanager|ssm|sqs|dynamodb|cassandra|kinesis|logs|kafka-cluster|es|ecr|lambda)"
    r":(Get|BatchGet|List(Bucket|Object))"
)
"""Reads that hand out what is kept, not what there is."""
EVERY_MACHINE: Final = re.compile(r"arn:aws:ec2:[^:]*:[^:]*:[a-z-]+/\*")
"""Everything of a kind in EC2: instances, volumes, templates of all that share the account."""
ABOUT_THE_CALL: Final = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:multifactorauthage",
        "aws:multifactorauthpresent",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:useragent",
        "aws:viaawsservice",
        "iam:passedtoservice",
    }
)
"""Conditions that say when, from where and for whom a call comes, and nothing of what it may touch,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html (2026-11). Keys have no case."""
DEPUTIES: Final = frozenset(
    {"ec2.amazonaws.com", "eks.amazonaws.com", "kafka.amazonaws.com", "lambda.amazonaws.com"}
)
"""Services that take a role only from whom may pass it, and whose documents AWS shows without a condition: EC2, EKS
and Lambda (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html), and MSK Replicator
(https://docs.aws.amazon.com/msk/latest/developerguide/msk-replicator-prereqs.html; both 2026-11)."""
CHANGES_OF_ROLES: Final = re.compile(
    r"iam:(\*|Put|Attach|Create|Update)[A-Za-z]*(Role|Policy|Policies|\*)|iam:\*(Role|Policy)"
)
WITHOUT_RESOURCES: Final = frozenset(
    {
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        "pricing:GetProducts",
        "route53:CreateHealthCheck",
        "route53:CreateHostedZone",
        "secretsmanager:GetRandomPassword",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        "logs:CreateLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:PutResourcePolicy",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
)
"""Actions for which AWS knows no resource or cannot know one beforehand, so that "*" is the only right one,
https://docs.aws.amazon.com/service-authorization/latest/reference/ (2026-11)."""


def _is_everything(action: str) -> bool:
    return action == "*" or action.partition(":")[2] == "*"


def _actions(resource: Resource, settings: Settings) -> Iterator[Violation]:
    for path, number, statement in _allowed(resource):
        if "NotAction" in statement:
            yield Violation(path, f"statement {number} allows by NotAction: name what is allowed")
        whole = [each for each in any_of(statement, "Action") if _is_everything(each)]
        # A key's own policy is where an account says that IAM decides about the key; without it nobody could.
        if whole and not (resource.type in KEYS and _of_this_account(statement)):
            yield Violation(path, f"statement {number} allows {', '.join(whole)}: name the actions")


def _of_this_account(statement: Mapping[str, Any]) -> bool:
    principals = any_of(statement, "Principal")
    return bool(principals) and all(re.fullmatch(r"arn:aws:iam::\d{12}:root", each) for each in principals)


def _resources(resource: Resource, settings: Settings) -> Iterator[Violation]:
    for path, number, statement in _allowed(resource):
        if "NotResource" in statement:
            yield Violation(path, f"statement {number} allows by NotResource: name the resources")
        # In a document that stands on a resource (it names principals), "*" is that resource.
        if "Principal" in statement or _narrowed(statement):
            continue
        resources, actions = any_of(statement, "Resource"), any_of(statement, "Action")
        wide = [each for each in actions if "*" in resources and _needs_resource(each)]
        if wide:
            yield Violation(path, f"statement {number} allows {', '.join(wide)} on every resource: name them")
        kinds = [each for each in resources if EVERY_MACHINE.fullmatch(each)]
        whole = [each for each in actions if kinds and _changes_machines(each)]
        if whole:
            message = (
                f"statement {number} allows {', '.join(whole)} on {', '.join(kinds)}: it needs a condition"
            )
            yield Violation(path, message)


def _narrowed(statement: Mapping[str, Any]) -> bool:
    """Whether a condition asks about the resource (its tags, its name, for whom): when and from where is not enough."""
    keys = (key.lower() for by in (statement.get("Condition") or {}).values() for key in by)
    return any(key not in ABOUT_THE_CALL for key in keys)


def _changes_machines(action: str) -> bool:
    """A launch makes things that are not there yet, from images and networks that it names."""
    launch = action in ("ec2:RunInstances", "ec2:CreateFleet")
    return action.startswith("ec2:") and not launch and not READS.match(action)


def _needs_resource(action: str) -> bool:
    if action in WITHOUT_RESOURCES or _is_everything(action):
        return False
    return bool(DATA.match(action)) or not READS.match(action)


def _deputies(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """A service acts for whoever asks it, of any account, until a condition says for whom."""
    for path, number, statement in _allowed(resource):
        principal = statement.get("Principal")
        if not isinstance(principal, Mapping) or "Service" not in principal or statement.get("Condition"):
            continue
        named = [
            each for each in any_of({"Service": principal["Service"]}, "Service") if each not in DEPUTIES
        ]
        if named:
            yield Violation(
                path,
                f"statement {number} lets in {', '.join(named)} for anybody: it needs a condition on aws:SourceAccount "
                "or aws:SourceArn",
            )


def _escalation(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """Who may change roles may become whatever he writes into them."""
    for path, document in documents(resource.props):
        found = list(of(document))
        if any("Principal" in each for each in found):
            continue
        for number, statement in enumerate(found):
            actions = any_of(statement, "Action")
            if statement.get("Effect") != "Allow":
                continue
            if any(each in ("iam:PassRole", "iam:Pass*") for each in actions) and not _passed_to(statement):
                yield Violation(
                    path, f"statement {number} passes roles to any service: it needs iam:PassedToService"
                )
            if any(map(CHANGES_OF_ROLES.match, actions)) and not any(map(_denies_roles, found)):
                yield Violation(path, f"statement {number} changes roles; a statement has to deny it its own")


def _passed_to(statement: Mapping[str, Any]) -> bool:
    return "iam:PassedToService" in str(statement.get("Condition"))


def _denies_roles(statement: Mapping[str, Any]) -> bool:
    denied = any_of(statement, "Action")
    return statement.get("Effect") == "Deny" and any(each.startswith("iam:") for each in denied)


def _principals(resource: Resource, settings: Settings) -> Iterator[Violation]:
    for path, number, statement in _allowed(resource):
        if "NotPrincipal" in statement:
            yield Violation(path, f"statement {number} allows by NotPrincipal: name who may")
        if "*" in any_of(statement, "Principal") and not statement.get("Condition"):
            yield Violation(path, f"statement {number} allows everyone: name who may")


def _shape(resource: Resource, settings: Settings) -> Iterator[Violation]:
    for path, document in documents(resource.props):
        for number, statement in enumerate(of(document)):
            if statement.get("Effect") not in ("Allow", "Deny"):
                yield Violation(
                    path, f"statement {number} has the effect {statement.get('Effect')}: Allow or Deny"
                )
            if not any_of(statement, "Action") and "NotAction" not in statement:
                yield Violation(path, f"statement {number} names no action")


def _allowed(resource: Resource) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for path, document in documents(resource.props):
        for number, statement in enumerate(of(document)):
            if statement.get("Effect") == "Allow":
                yield path, number, statement


def _attached(resource: Resource, settings: Settings) -> Iterator[Violation]:
    arn = resource.props.get("policyArn")
    if isinstance(arn, str) and TOO_WIDE.search(arn):
        yield Violation(
            "policyArn", f"{arn.rpartition('/')[2]} is everything: attach a policy of what is needed"
        )


def _user(resource: Resource, settings: Settings) -> Iterator[Violation]:
    yield Violation("", "has to be a role: a user's keys do not expire")


RULES = (
    Rule("iam-actions", "No document allows all actions", _actions),
    Rule("iam-resources", "No document allows changes of every resource", _resources),
    Rule("iam-principals", "No document lets everyone in", _principals),
    Rule("iam-deputies", "A service acts for this account only", _deputies),
    Rule("iam-escalation", "Nobody gives himself more than he has", _escalation),
    Rule("iam-shape", "Documents say what they mean", _shape),
    Rule("iam-managed-policies", "No role has one of AWS's policies for everything", _attached, ATTACHMENTS),
    Rule("iam-users", "Programs and people are roles", _user, USERS),
    required(
        "eks-access-entries",
        "Access to Kubernetes is given by access entries, and nobody has it for having made the cluster",
        Requirement(
            ("aws:eks/cluster:Cluster",),
            "accessConfig.authenticationMode",
            lambda each: each == "API",
            "has to be API",
        ),
    ),
    required(
        "rds-iam",
        "Databases take short-lived tokens of IAM",
        Requirement(("aws:rds/cluster:Cluster",), "iamDatabaseAuthenticationEnabled", true, "has to be true"),
    ),
    required(
        "lb-headers",
        "Load balancers drop what is no valid header",
        Requirement(("aws:lb/loadBalancer:LoadBalancer",), "dropInvalidHeaderFields", true, "has to be true"),
    ),
    required(
        "ecr-immutable",
        "A tag of an image never changes what it names",
        Requirement(
            ("aws:ecr/repository:Repository",),
            "imageTagMutability",
            lambda each: each == "IMMUTABLE",
            "is IMMUTABLE",
        ),
    ),
    required(
        "keeps-on-destroy",
        "Nothing that holds data is emptied to be deleted",
        Requirement(
            ("aws:s3/bucket:Bucket", "aws:route53/zone:Zone"), "forceDestroy", not_true, "has to be false"
        ),
        Requirement(("aws:ecr/repository:Repository",), "forceDelete", not_true, "has to be false"),
    ),
)
