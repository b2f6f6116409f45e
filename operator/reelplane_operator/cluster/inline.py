"""A kubeconfig that somebody put into a Secret: it may hold data, never a command to run or a file to read.

Whoever may write such a Secret must not thereby run programs in the operator's pod (``exec``, ``auth-provider``) or
have its files sent elsewhere (``tokenFile``, ``certificate-authority: /path``). So the fields that are taken are
listed here, and everything else is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client.configuration import Configuration

from reelplane_operator.cluster.access import Access, fixed
from reelplane_operator.cluster.errors import BadKubeconfig

_CLUSTER = frozenset(
    {
        "server",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
        "tls-server-name",
        "proxy-url",
        "disable-compression",
        "extensions",
    }
)
_USER = frozenset({"token", "client-certificate-data", "client-key-data", "username", "password"})
_INSTEAD = {
    "exec": "it would run a command in the operator's pod; put a ServiceAccount's token into 'token'",
    "auth-provider": "it would run a plugin in the operator's pod; put a ServiceAccount's token into 'token'",
    "tokenFile": "it would read a file of the operator's pod; put the token itself into 'token'",
    "certificate-authority": "it would read a file of the operator's pod; use 'certificate-authority-data'",
    "client-certificate": "it would read a file of the operator's pod; use 'client-certificate-data'",
    "client-key": "it would read a file of the operator's pod; use 'client-key-data'",
}


def from_text(text: str, context: str | None = None) -> Access:
    """What ``text``, a kubeconfig in YAML or JSON, says about its current or the named context.

    Raises BadKubeconfig, which names the field and what would be right; never a value.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as why:
        mark = getattr(why, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        # The parser quotes what it stumbled over, which may be a key.
        raise BadKubeconfig(f"kubeconfig: not YAML{where}") from None
    if not isinstance(document, dict):
        raise BadKubeconfig("kubeconfig: expected a mapping with clusters, users, contexts, current-context")
    chosen = _named(document, "contexts", context or document.get("current-context"), "context")
    cluster = _named(document, "clusters", chosen.get("cluster"), "cluster")
    user = _named(document, "users", chosen.get("user"), "user") if chosen.get("user") else {}
    _only(cluster, _CLUSTER, f"clusters[name={chosen.get('cluster')}].cluster")
    _only(user, _USER, f"users[name={chosen.get('user')}].user")
    return _build(cluster, user, str(chosen.get("namespace") or "default"))


def _build(cluster: dict[str, Any], user: dict[str, Any], namespace: str) -> Access:
    server = str(cluster.get("server", ""))
    if not server.startswith("https://"):
        raise BadKubeconfig(f"kubeconfig: server is {server!r}; expected https://host[:port]")
    configuration = Configuration(host=server.rstrip("/"))
    configuration.verify_ssl = not cluster.get("insecure-skip-tls-verify", False)
    configuration.tls_server_name = cluster.get("tls-server-name")
    configuration.proxy = cluster.get("proxy-url")
    if "certificate-authority-data" in cluster:
        configuration.ca_cert_data = _decoded(cluster, "certificate-authority-data").decode(
            "ascii", "replace"
        )
    if "token" in user:
        configuration.api_key["BearerToken"] = f"Bearer {user['token']}"
    elif "username" in user and "password" in user:
        pair = f"{user['username']}:{user['password']}".encode()
        configuration.api_key["BearerToken"] = "Basic " + base64.b64encode(pair).decode()
    if "client-certificate-data" not in user:
        return fixed(configuration, namespace)
    # OpenSSL takes a key pair from files only: they live as long as it takes to read them.
    with tempfile.TemporaryDirectory() as folder:
        for field, name in (("client-certificate-data", "cert"), ("client-key-data", "key")):
            path = Path(folder) / name
            path.write_bytes(_decoded(user, field))
            setattr(configuration, f"{name}_file", str(path))
        return fixed(configuration, namespace)


def _named(document: dict[str, Any], plural: str, name: object, singular: str) -> dict[str, Any]:
    """The entry ``name`` of the list ``plural``."""
    if not name:
        missing = "current-context" if singular == "context" else f"contexts[].context.{singular}"
        raise BadKubeconfig(f"kubeconfig: {missing} is not set; expected a name out of {plural}")
    entries = document.get(plural)
    for each in entries if isinstance(entries, list) else ():
        if isinstance(each, dict) and each.get("name") == name:
            found = each.get(singular)
            return found if isinstance(found, dict) else {}
    raise BadKubeconfig(f"kubeconfig: there is no {name!r} in {plural}")


def _only(entry: dict[str, Any], allowed: frozenset[str], where: str) -> None:
    for field in entry.keys() - allowed:
        reason = _INSTEAD.get(field, "allowed are " + ", ".join(sorted(allowed)))
        raise BadKubeconfig(f"kubeconfig: {where}.{field} is refused in a Secret: {reason}")


def _decoded(entry: dict[str, Any], field: str) -> bytes:
    try:
        return base64.b64decode(str(entry.get(field, "")), validate=True)
    except binascii.Error as why:
        raise BadKubeconfig(f"kubeconfig: {field} is not base64") from why
