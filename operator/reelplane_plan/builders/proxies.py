"""A ProxyPool as the settings of the download workers: endpoints by name, credentials in files."""

from __future__ import annotations

from dataclasses import dataclass

from reelplane_crds.kinds import ProxyPool
from reelplane_crds.kinds.common import SecretKeyRef
from reelplane_crds.runtime import ProxyEndpoint, ProxyPoolSettings
from reelplane_plan.secrets import SecretReader, split_url, without_credentials
from reelplane_plan.types import Layout, SecretFile, SecretText


@dataclass(frozen=True, slots=True)
class BuiltPool:
    settings: ProxyPoolSettings
    files: tuple[SecretFile, ...] = ()

    @property
    def public(self) -> ProxyPoolSettings:
        """What the API needs: the name and the country, which are part of a video's key; no endpoints."""
        return self.settings.model_copy(update={"endpoints": (), "health_url": None})


def build(pool: ProxyPool, layout: Layout, secrets: SecretReader) -> BuiltPool:
    """The pool's settings; endpoints that cannot be resolved are problems and left out."""
    spec, at = pool.spec, f"ProxyPool/{pool.metadata.name}: spec"
    if spec.endpoints_from is None:
        found = _listed(pool, secrets, at)
    else:
        found = _from_secret(spec.endpoints_from, secrets, f"{at}.endpointsFrom")
    files = {
        name: SecretFile(f"proxy-{index}", SecretText(login)) for index, (name, _, login) in found if login
    }
    endpoints = tuple(
        ProxyEndpoint(
            name=name, url=url, credentials_file=layout.secrets / files[name].name if name in files else None
        )
        for _, (name, url, _) in found
    )
    health = spec.health_check
    if health and split_url(health.url) is None:
        secrets.wrong(
            f"{at}.healthCheck.url", f"{health.url!r} names no host", "write e.g. https://example.com/204"
        )
        health = None
    settings = ProxyPoolSettings(
        name=pool.metadata.name,
        endpoints=endpoints,
        country=spec.country,
        max_failures=spec.rotation.max_failures,
        ban_for=spec.rotation.ban_for.seconds,
        when_exhausted=spec.when_exhausted,
        health_url=health.url if health else None,
        health_interval=health.interval.seconds if health else 60,
    )
    return BuiltPool(settings, tuple(files.values()))


_Found = list[tuple[int, tuple[str, str, str | None]]]
"""Index, then name, URL without credentials, and ``user:password`` if there is one."""


def _listed(pool: ProxyPool, secrets: SecretReader, at: str) -> _Found:
    found: _Found = []
    for index, endpoint in enumerate(pool.spec.endpoints or ()):
        login = None
        if split_url(endpoint.url) is None:
            message = f"{endpoint.url!r} is not an address with a port"
            secrets.wrong(
                f"{at}.endpoints[{index}].url", message, "write http://host:port or socks5://host:port"
            )
            continue
        if endpoint.credentials_from:
            login = secrets.value(f"{at}.endpoints[{index}].credentialsFrom", endpoint.credentials_from)
        found.append((index, (endpoint.name, endpoint.url, login)))
    return found


def _from_secret(reference: SecretKeyRef, secrets: SecretReader, path: str) -> _Found:
    """One URL a line. The name is host and port, numbered where a provider tells sessions apart by login only."""
    found: _Found = []
    seen: dict[str, int] = {}
    for number, line in enumerate((secrets.value(path, reference) or "").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        parts = split_url(text)
        if parts is None or not parts.port or parts.scheme not in ("http", "socks5"):
            # The line is not quoted: it may hold a password.
            where = f"line {number} of key {reference.key!r} of Secret {reference.secret!r}"
            secrets.wrong(
                path, f"{where} is not a proxy", "write http://user:password@host:port, or socks5://…"
            )
            continue
        address = f"{parts.hostname}:{parts.port}"
        seen[address] = seen.get(address, 0) + 1
        name = address if seen[address] == 1 else f"{address}#{seen[address]}"
        url, login = without_credentials(parts._replace(path="", query="", fragment=""))
        found.append((len(found), (name, url, login)))
    return found
