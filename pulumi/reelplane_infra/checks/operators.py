"""How an input is made worse, by its name and its form; no resource type is named here.

``changes`` yields for a resource each way in which one of its inputs, its options or the resource itself could be
weaker than it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any, Final

from reelplane_infra.record import Resource, Secret, Unknown, Value

Change = tuple[str, str, Resource | None]
"""Operator, path, what the resource becomes; None: it is left out."""
Step = str | int

ELSEWHERE: Final = "sa-east-1"
"""A region that no environment of ours has."""
SENSITIVE: Final = re.compile(
    r"encrypt|kms|public|private|protect|destroy|delet|rotation|block(?!s)|restrict|enforce|tls|ssl|https|transit|auth"
    r"|anonymous|immutab|mutab|scan|iam|internal|log|version|backup|snapshot|recovery|retention|token|shield|invalid",
    re.IGNORECASE,
)
"""Names of inputs that decide who reads, who writes, what is kept and what is told."""
SWITCH: Final = re.compile(r"enabled?$", re.IGNORECASE)
KEPT: Final = re.compile(
    r"retention|deletionWindow|deleteAfter|noncurrentDays|snapshot.*Limit", re.IGNORECASE
)
"""Numbers of days that something is kept."""
GUARDIAN: Final = re.compile(
    r"PublicAccessBlock|OwnershipControls|ServerSideEncryption|Versioning|BucketPolicy|QueuePolicy|FlowLog"
    r"|DefaultSecurityGroup|VpcEndpoint|LoggingConfiguration|VaultLock"
)
"""Types that are nothing but a guard of another resource: each is left out once."""
WEAKER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws:kms": "AES256",
        "aws:kms:dsse": "AES256",
        "KMS": "AES256",
        "CUSTOMER_MANAGED_KMS_KEY": "NONE",
        "AWS_OWNED_KMS_KEY": "NONE",
        "TLS": "TLS_PLAINTEXT",
        "TLSv1.2": "TLSv1",
        "https-only": "allow-all",
        "redirect-to-https": "allow-all",
        "HTTPS": "HTTP",
        "required": "optional",
        "IMMUTABLE": "MUTABLE",
        "Enabled": "Suspended",
        "ENABLED": "DISABLED",
        "BucketOwnerEnforced": "ObjectWriter",
        "always": "never",
        "API": "API_AND_CONFIG_MAP",
        "ON_DEMAND": "SPOT",
        "on-demand": "spot",
        "private": "public-read",
        "DISABLED": "SERVICE_PROVIDED_EIPS",
    }
)
"""Words that stand for the stronger of several choices, and the weaker one."""
WEAKER_FORMS: Final = (
    (re.compile(r"TLSv1\.[23]_\d{4}"), "TLSv1_2016"),
    (re.compile(r"ELBSecurityPolicy-.+"), "ELBSecurityPolicy-2016-08"),
    (re.compile(r"Policy-Min-TLS-1-2.*"), "Policy-Min-TLS-1-0-2019-07"),
)


def changes(resource: Resource, regions: Sequence[str]) -> Iterator[Change]:
    """Every weaker form of ``resource``. ``regions`` are those of its environment."""
    if resource.protect:
        yield "drop-protect", "", replace(resource, protect=False, retain=False)
    if resource.retain:
        yield "drop-retain", "", replace(resource, retain=False)
    if GUARDIAN.search(resource.type):
        yield "leave-out", "", None
    if resource.inputs.get("tags"):
        yield "drop-tags", "tags", _with(resource, ("tags",), _DROP)
    region = resource.region
    if region is not None:
        for other in [ELSEWHERE, *[each for each in regions if each != region][:1]]:
            kind = "leave-environment" if other == ELSEWHERE else "swap-region"
            yield kind, "region", _with(resource, ("region",), other)
    for steps, value in _leaves(resource.inputs, ()):
        if steps[0] in ("tags", "tagsAll", "region"):
            continue
        for operator, worse in _worse(steps, value):
            yield operator, written(steps), _with(resource, steps, worse)


def written(steps: Sequence[Step]) -> str:
    """``("rules", 0, "days")`` -> ``rules[0].days``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def without_indices(path: str) -> str:
    """``rules[0].days`` -> ``rules.days``."""
    return re.sub(r"\[\d+\]", "", path)


class _Drop:
    """Stands for an input that is left out."""


_DROP: Final = _Drop()


def _worse(steps: tuple[Step, ...], value: Any) -> Iterator[tuple[str, Any]]:
    names = [each for each in steps if isinstance(each, str)]
    name = names[-1]
    sensitive = any(map(SENSITIVE.search, names))
    if isinstance(value, bool):
        if sensitive or SWITCH.search(name):
            yield "flip", not value
            yield "drop", _DROP
    elif isinstance(value, int | float):
        if KEPT.search(name):
            yield "keep-nothing", 0
            yield "drop", _DROP
    elif isinstance(value, str):
        yield from _worse_text(name, value, sensitive)
    elif isinstance(value, list) and sensitive and value and not isinstance(value[0], dict):
        yield "empty", []


def _worse_text(name: str, value: str, sensitive: bool) -> Iterator[tuple[str, Any]]:
    if '"Statement"' in value:
        yield from _worse_document(value)
    elif value in ("true", "false") and sensitive:
        yield "flip", "false" if value == "true" else "true"
    elif value.startswith("arn:aws:kms:"):
        yield "drop-key", _DROP
    elif _is_network(value) and value not in ("0.0.0.0/0", "::/0"):
        yield "widen", "0.0.0.0/0"
    elif value in WEAKER and name != "name":
        yield "weaken", WEAKER[value]
    else:
        for form, worse in WEAKER_FORMS:
            if form.fullmatch(value):
                yield "weaken", worse
                yield "drop", _DROP


def _is_network(value: str) -> bool:
    if "/" not in value:
        return False
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


def _worse_document(text: str) -> Iterator[tuple[str, str]]:
    """The document with each statement wider than it is."""
    try:
        document = json.loads(text)
    except ValueError:
        return
    if not isinstance(document, dict) or "Statement" not in document:
        return
    for number, statement in enumerate(document["Statement"]):
        for operator, worse in _worse_statement(statement):
            kept = [each for other, each in enumerate(document["Statement"]) if other != number]
            placed = [*kept[:number], worse, *kept[number:]] if worse is not None else kept
            yield operator, json.dumps({**document, "Statement": placed})


def _worse_statement(statement: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    if statement.get("Effect") == "Deny":
        yield "drop-denial", None
        return
    free = {key: each for key, each in statement.items() if key != "Condition"}
    if "Action" in statement and statement["Action"] != "*":
        yield "all-actions", {**statement, "Action": "*"}
    if "Resource" in statement and statement["Resource"] != "*":
        yield "all-resources", {**free, "Resource": "*"}
    if "Principal" in statement:
        yield "all-principals", {**free, "Principal": "*"}
    if "Condition" in statement:
        yield "drop-condition", free


def _leaves(value: Value, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Scalars and lists, secrets and JSON texts opened; a document of IAM is a text."""
    if isinstance(value, Secret):
        yield from _leaves(value.value, steps)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, (*steps, key))
    elif isinstance(value, str) and (inner := _object(value)) is not None:
        yield from _leaves(inner, steps)
    elif isinstance(value, list):
        yield steps, value
        for index, each in enumerate(value):
            yield from _leaves(each, (*steps, index))
    elif value is not None and not isinstance(value, Unknown):
        yield steps, value


def _object(text: str) -> dict[str, Any] | None:
    """What a JSON text holds that is an object and no document of IAM."""
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found and "Statement" not in found else None


def _with(resource: Resource, steps: Sequence[Step], value: Any) -> Resource:
    return replace(resource, inputs=_changed(resource.inputs, steps, value))


def _changed(inner: Any, steps: Sequence[Step], value: Any) -> Any:
    if isinstance(inner, Secret):
        return Secret(_changed(inner.value, steps, value))
    if isinstance(inner, str):
        return json.dumps(_changed(json.loads(inner), steps, value))
    step, rest = steps[0], steps[1:]
    put: Callable[[Any], Any] = (lambda each: _changed(each, rest, value)) if rest else (lambda each: value)
    if isinstance(inner, list):
        made = [put(each) if index == step else each for index, each in enumerate(inner)]
        return [each for each in made if each is not _DROP]
    changed = {key: put(each) if key == step else each for key, each in inner.items()}
    return {key: each for key, each in changed.items() if each is not _DROP}
