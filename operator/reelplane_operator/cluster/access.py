"""Where an API server is, how its certificate is checked, and who we are to it.

    a kubeconfig file ──┐
    the pod we run in ──┼─► Access ─► transport.py
    a Secret's text ────┘  (inline.py: nothing but inline data)

Files, exec plugins and auth providers are ``kubernetes.aio``'s work. Its loaders read credentials once; Credentials
asks them again before a token runs out, and when a server no longer takes it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, incluster_config, kube_config

from reelplane_operator.cluster.errors import BadKubeconfig

# The loaders are not annotated.
_kubeconfig: Any = kube_config
_pod: Any = incluster_config

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""What the kubelet mounts into every pod with a ServiceAccount."""

_EVERY = 60.0
"""Seconds between two looks at a token that may change. The kubelet renews a pod's token at 80 % of its life, which
is an hour; client-go looks every minute as well."""


async def _unchanging(_: bool) -> None:
    """The reload of credentials that stand in the configuration itself."""


class Credentials:
    """The Authorization header, kept fresh."""

    def __init__(
        self,
        configuration: Configuration,
        reload: Callable[[bool], Awaitable[None]] = _unchanging,
        *,
        every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``reload(forced)`` brings ``configuration`` up to date; ``every``: seconds between two of them."""
        self._configuration = configuration
        self._reload = reload
        self._every = every
        self._clock = clock
        self._due = clock() + every if every else float("inf")
        self._lock = asyncio.Lock()
        self._header = self._read()

    async def header(self) -> str | None:
        """The value for ``Authorization``; None where a client certificate or nothing is used."""
        if self._clock() >= self._due:
            async with self._lock:
                if self._clock() >= self._due:
                    await self._renew(False)
        return self._header

    async def refused(self, header: str | None) -> bool:
        """A server did not accept ``header``: whether there is another one to try."""
        async with self._lock:
            if self._header == header:
                await self._renew(True)
        return self._header != header

    async def _renew(self, forced: bool) -> None:
        try:
            await self._reload(forced)
        except (ConfigException, OSError) as why:
            raise BadKubeconfig(f"credentials for {self._configuration.host} cannot be read: {why}") from why
        if self._every:
            self._due = self._clock() + self._every
        self._header = self._read()

    def _read(self) -> str | None:
        header = self._configuration.api_key.get("BearerToken")
        return header.strip() if header else None


@dataclass(frozen=True, slots=True)
class Access:
    """All that is needed to send requests to one API server."""

    host: str
    """``https://`` and what follows, without a slash at the end."""
    namespace: str
    """The one that is meant where none is given."""
    tls: ssl.SSLContext | None
    server_name: str | None
    """The name that the certificate carries, where it is not the host's."""
    proxy: str | None
    credentials: Credentials


async def from_surroundings(context: str | None = None, environ: Mapping[str, str] = os.environ) -> Access:
    """As kubectl does: ``KUBECONFIG``, then ``~/.kube/config``, then the pod that we run in. Raises BadKubeconfig."""
    files = environ.get("KUBECONFIG") or str(Path(environ.get("HOME", "/")) / ".kube" / "config")
    if _any_exists(files):
        return await from_file(files, context)
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(environ=environ)
    raise BadKubeconfig(
        f"no cluster: there is no file {files}, and this is not a pod; set KUBECONFIG, or pass --kubeconfig"
    )


async def from_file(files: str | Path, context: str | None = None) -> Access:
    """From a kubeconfig file, or several in the form of ``KUBECONFIG``. Raises BadKubeconfig, which names the file."""
    if not _any_exists(str(files)):
        raise BadKubeconfig(f"{files}: no such kubeconfig file")
    configuration = Configuration()
    try:
        loader = await _kubeconfig.load_kube_config(
            str(files), context=context, client_configuration=configuration, persist_config=False
        )
        chosen = loader.current_context["context"]
        # The loader keeps the user's entry to itself, and logs what an exec plugin said instead of raising it.
        user = loader._user
        plugin = user is not None and "exec" in user
        if plugin and "BearerToken" not in configuration.api_key and not configuration.cert_file:
            raise ConfigException(
                f"the command {user['exec']['command']!r} gave no credentials; run it by hand to see why"
            )
    except (ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        raise BadKubeconfig(f"{files}: {why}") from why

    async def reload(forced: bool) -> None:
        if forced:
            # The plugin's own idea of how long its token is good was wrong.
            loader.__dict__.pop("exec_plugin_expiry", None)
        await loader.load_and_set(configuration)

    # Asking a plugin that names no expiry every minute would run it every minute: it is asked when refused.
    renewing = not plugin or hasattr(loader, "exec_plugin_expiry")
    credentials = Credentials(configuration, reload, every=_EVERY if renewing else None)
    return _access(configuration, credentials, chosen.get("namespace") or "default")


def in_cluster(
    folder: Path = SERVICE_ACCOUNT,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.monotonic,
) -> Access:
    """From the ServiceAccount of the pod that we run in. Raises BadKubeconfig."""
    configuration = Configuration()
    loader = _pod.InClusterConfigLoader(
        token_filename=str(folder / "token"),
        cert_filename=str(folder / "ca.crt"),
        try_refresh_token=False,
        environ=environ,
    )
    try:
        loader.load_and_set(configuration)
        namespace = (folder / "namespace").read_text().strip()
    except (ConfigException, OSError) as why:
        raise BadKubeconfig(f"the ServiceAccount in {folder} cannot be used: {why}") from why

    async def reload(_: bool) -> None:
        loader.load_and_set(configuration)

    return _access(configuration, Credentials(configuration, reload, every=_EVERY, clock=clock), namespace)


def fixed(configuration: Configuration, namespace: str) -> Access:
    """With credentials that do not change by themselves. Raises BadKubeconfig for a certificate that is none."""
    return _access(configuration, Credentials(configuration), namespace)


def _access(configuration: Configuration, credentials: Credentials, namespace: str) -> Access:
    # Python 3.13 began to demand extensions of RFC 5280 that the authorities of many clusters lack; Go does not.
    configuration.disable_strict_ssl_verification = True
    host = configuration.host.rstrip("/")
    try:
        tls = RESTClientObject(configuration).ssl_context if host.startswith("https:") else None
    except (ssl.SSLError, OSError, ValueError) as why:
        raise BadKubeconfig(f"the certificates for {host} cannot be used: {why}") from why
    proxy = configuration.proxy or _proxy_of_environment(host)
    return Access(host, namespace, tls, configuration.tls_server_name, proxy, credentials)


def _proxy_of_environment(host: str) -> str | None:
    """``HTTPS_PROXY`` unless ``NO_PROXY`` names the host. Looked up once: aiohttp would do it for each request."""
    url = urlsplit(host)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _any_exists(files: str) -> bool:
    return any(Path(each).expanduser().is_file() for each in files.split(os.pathsep) if each)
