"""Secrets of a plan: found by reference, taken apart, and turned into files that the documents name.

A server's URL comes from a Secret as a whole, password included. The document gets the URL without it and a
file that holds it, so that a document may be shown to anyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from reelplane_crds.kinds.common import SecretKeyRef
from reelplane_crds.runtime import ServerRef
from reelplane_plan.types import Facts, Problem, SecretFile, SecretText


class SecretReader:
    """Looks references up for the builders, and keeps what was missing as problems and what was used as files."""

    def __init__(self, facts: Facts) -> None:
        self.problems: list[Problem] = []
        self._secrets = facts.secrets
        self._layout = facts.layout
        self._place = "to the same files" if facts.target == "local" else "to the same namespace"

    def keys(self, path: str, secret: str) -> Mapping[str, SecretText]:
        """All of a Secret; empty, and a problem, when it does not exist."""
        if secret not in self._secrets:
            self._missing(
                path, f"Secret {secret!r} does not exist", f"add a Secret named {secret} {self._place}"
            )
            return {}
        return self._secrets[secret]

    def value(self, path: str, ref: SecretKeyRef) -> str | None:
        """The text a reference means, without surrounding white space; None, and a problem, when it is missing."""
        keys = self.keys(path, ref.secret)
        if not keys:
            return None
        if ref.key not in keys:
            known = ", ".join(sorted(keys))
            self._missing(path, f"Secret {ref.secret!r} has no key {ref.key!r}", f"its keys are: {known}")
            return None
        text = keys[ref.key].value.strip()
        if not text:
            self._missing(path, f"key {ref.key!r} of Secret {ref.secret!r} is empty", "give it a value")
        return text or None

    def server(self, path: str, ref: SecretKeyRef, *, name: str, schemes: tuple[str, ...]) -> Server | None:
        """A server's URL, split into what may be shown and what may not."""
        text = self.value(path, ref)
        if text is None:
            return None
        parts = split_url(text)
        if parts is None or parts.scheme not in schemes:
            where = f"key {ref.key!r} of Secret {ref.secret!r}"
            self.wrong(
                path,
                f"{where} is not a URL of this kind of server",
                f"write {schemes[0]}://user:password@host",
            )
            return None
        shown, password = without_password(parts)
        if password is None:
            return Server(ServerRef(url=shown))
        file = SecretFile(f"{name}-password", SecretText(password))
        return Server(ServerRef(url=shown, password_file=self._layout.secrets / file.name), (file,))

    def wrong(self, path: str, message: str, fix: str) -> None:
        self.problems.append(Problem(path, message, fix))

    def _missing(self, path: str, message: str, fix: str) -> None:
        self.problems.append(Problem(path, message, fix, reason="SecretNotFound"))


class Server:
    """A server as a document names it, and the secret files that go with it."""

    def __init__(self, ref: ServerRef, files: tuple[SecretFile, ...] = ()) -> None:
        self.ref = ref
        self.files = files


def without_password(parts: SplitResult) -> tuple[str, str | None]:
    """The URL without its password, and the password (percent-decoded); the user name stays."""
    if parts.password is None:
        return urlunsplit(parts), None
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    netloc = f"{name}@{host}" if name else host
    return urlunsplit(parts._replace(netloc=netloc)), unquote(parts.password)


def without_credentials(parts: SplitResult) -> tuple[str, str | None]:
    """The URL without user and password, and both as ``user:password`` (percent-decoded)."""
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), unquote(user) if user else None


def split_url(text: str) -> SplitResult | None:
    """A URL in its parts; None when it names no host, or a port that cannot be."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # Reading it is what checks it.
    except ValueError:
        return None
    return parts if parts.hostname else None
