"""How a program signs in to a region's cluster: by an AWS identity that it has at that moment, with no token kept."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from reelplane_infra.place import Place


def kubeconfig(name: str, endpoint: str, ca: str, user: Mapping[str, object]) -> dict[str, object]:
    """A kubeconfig of one cluster. ``ca`` is PEM in base64, ``user`` what stands below ``users[].user``."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": ca}}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def by_aws(name: str, region: str) -> dict[str, object]:
    """A kubeconfig's user who asks the AWS CLI for a token each time: 15 minutes long, made of the caller's own
    credentials, https://docs.aws.amazon.com/cli/latest/reference/eks/get-token.html (2026-11)."""
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"],
            "interactiveMode": "Never",
        }
    }


def provider(
    place: Place, *, name: pulumi.Output[str], endpoint: pulumi.Output[str], ca: pulumi.Output[str]
) -> kubernetes.Provider:
    """The provider of everything in that cluster. Its config holds no secret, so that none is in the state."""
    return kubernetes.Provider(
        place.name("kubernetes"),
        kubeconfig=pulumi.Output.all(name, endpoint, ca).apply(
            lambda found: json.dumps(
                kubeconfig(found[0], found[1], found[2], by_aws(found[0], place.region)), sort_keys=True
            )
        ),
        # A field that somebody else owns is a conflict to be told, not one to be won.
        enable_patch_force=False,
        enable_server_side_apply=True,
    )
