"""What a workload reads: its runtime document, the secret files that the document names, and its identity.

A ServiceAccount per workload carries no token: no workload talks to the API server. It is there so that a
cloud can give one workload, and no other, the right to a bucket.
"""

from __future__ import annotations

import hashlib

from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import head, key, secret_head
from reelplane_plan.types import Config, Facts, Plan, SecretFile, Workload

DOCUMENT = "runtime.json"


def config_map(workload: Workload, config: Config, plan: Plan, facts: Facts) -> Manifest:
    return {**head("v1", "ConfigMap", workload, plan, facts), "data": {DOCUMENT: config.document.dump()}}


def secret(workload: Workload, config: Config, plan: Plan, facts: Facts) -> Manifest | None:
    """The workload's secret files whose contents are known; None when there is none of them."""
    data = {key(file): file.content.value for file in config.secrets if file.content}
    if not data:
        return None
    return {**head("v1", "Secret", workload, plan, facts), "type": "Opaque", "stringData": data}


def generated(file: SecretFile, plan: Plan, facts: Facts) -> Manifest:
    """The Secret of a file that is made once: without data, which whoever makes it adds."""
    return {**secret_head(plan, facts, file.name), "type": "Opaque"}


def service_account(workload: Workload, plan: Plan, facts: Facts) -> Manifest:
    return {
        **head("v1", "ServiceAccount", workload, plan, facts),
        "automountServiceAccountToken": False,
    }


def content_hash(config: Config) -> str:
    """Changes with the document and with every secret file: an annotation of it rolls the pods."""
    digest = hashlib.sha256(config.document.dump().encode())
    for file in config.secrets:
        digest.update(f"\0{file.name}={file.content.value if file.content else ''}".encode())
    return digest.hexdigest()[:16]
