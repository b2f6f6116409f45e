"""Drawn specs (``strategies``) that a cluster can carry out: what they refer to is there, and fits.

``pointed`` lets every reference to a Secret name one of ``SECRETS``, with a key whose value has the right form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

URLS = {
    "cache": "redis://:p@cache.example:6379/0",
    "queue": "rediss://10.0.0.7/1",
    "database": "postgresql://u:p@10.0.0.8/x",
}
SECRETS: Mapping[str, Mapping[str, str]] = {
    "all": URLS | {"other": "http://u:p@h.example:31"},
    "cookies": {"site.example": "# Netscape"},
}
"""Values by Secret and key."""


def pointed(value: Any, path: str = "") -> Any:
    """A spec whose references to Secrets name one Secret that has a fitting value for each."""
    if isinstance(value, dict):
        if value.keys() == {"secret", "key"}:
            return {"secret": "all", "key": next((part for part in URLS if part in path), "other")}
        if value.keys() == {"secret"} and "cookies" in path:
            return {"secret": "cookies"}
        return {key: pointed(each, f"{path}.{key}") for key, each in value.items()}
    return [pointed(each, path) for each in value] if isinstance(value, list) else value


def written(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """An object of ours."""
    version = "reelplane.io/v1alpha1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
