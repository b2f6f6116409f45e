"""Takes secrets out of what is handed to others. Pure.

Two nets: values that are known, because they stand in Secrets of the namespace, are blanked wherever they turn
up; and text that looks like a credential (a password in a URL, an Authorization header) is blanked by pattern,
for those that nobody could read. Objects of kind Secret keep their keys and lose all values.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import yaml

from reelplane_cli.cluster.objects import Json

BLANK = "<redacted>"
_SHORTEST = 6
"""Characters below which a value is not looked for in other text: blanking every "1" would leave nothing."""
_PASSWORD = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://([^\s/@:]*):([^\s/@]+)@")
_PATTERNS = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@\"']+@"), rf"\1{BLANK}@"),
    (
        re.compile(r"(?i)\b((?:proxy-)?authorization|cookie|set-cookie)(['\"]?\s*[:=]\s*)[^\n]*"),
        rf"\1\2{BLANK}",
    ),
    (
        re.compile(r"(?i)\b(signature|x-amz-signature|x-amz-credential|token|password|secret)=[^\s&\"']+"),
        rf"\1={BLANK}",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), BLANK),  # a JSON web token: '{"' in base64
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), BLANK),
)
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation in which ``kubectl apply`` keeps the whole object, a Secret's values included."""


@dataclass(frozen=True, slots=True)
class Redactor:
    """Knows the secret words of a namespace."""

    words: tuple[str, ...]
    """Longest first, so that a word that contains another one goes as a whole."""

    @classmethod
    def of(cls, secrets: Iterable[Json]) -> Redactor:
        """Made from objects of kind Secret."""
        words: set[str] = set()
        for secret in secrets:
            for value in _values(secret):
                for word in _words(value):
                    words |= set(_spellings(word))
        return cls(tuple(sorted(words, key=lambda word: (-len(word), word))))

    def text(self, text: str) -> str:
        """``text`` without known words and without what looks like a credential."""
        for word in self.words:
            text = text.replace(word, BLANK)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def item(self, item: Mapping[str, Any]) -> Json:
        """An object without secrets and without the bookkeeping that nobody reads in a report."""
        metadata = {key: value for key, value in item.get("metadata", {}).items() if key != "managedFields"}
        kept = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != _APPLIED}
        if "annotations" in metadata:
            metadata["annotations"] = kept
        rest = {key: value for key, value in item.items() if key != "metadata"}
        if item.get("kind") == "Secret":
            for part in ("data", "stringData"):
                if part in rest:
                    rest[part] = dict.fromkeys(rest[part] or {}, BLANK)
        cleaned = self._deep({**rest, "metadata": metadata})
        order = ("apiVersion", "kind", "metadata", *rest)
        return {key: cleaned[key] for key in dict.fromkeys(order) if key in cleaned}

    def _deep(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            # An environment variable that is written out is a secret as soon as its name says so.
            named = str(value.get("name", ""))
            blank = re.search(r"(?i)passw|secret|token|credential|api_?key", named) and "value" in value
            return {
                key: BLANK if blank and key == "value" else self._deep(each) for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._deep(each) for each in value]
        return value


def _values(secret: Json) -> Iterator[str]:
    for value in (secret.get("data") or {}).values():
        try:
            yield base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            yield str(value)
    yield from (secret.get("stringData") or {}).values()


def _words(value: str) -> Iterator[str]:
    """The parts of a value that are secret by themselves: it may be a URL, a list, cookies, or a kubeconfig."""
    yield value.strip()
    for _, password in _PASSWORD.findall(value):
        yield password
        yield unquote(password)
    if "\n" not in value.strip():
        return
    structured = _structured(value)
    if structured is not None:
        yield from structured
        return
    for line in value.splitlines():
        yield line.strip()
        yield line.rpartition("\t")[2].strip()


def _structured(value: str) -> list[str] | None:
    """Leaves of a YAML mapping that are long enough to be keys or tokens; None when it is not one."""
    try:
        loaded = yaml.safe_load(value)
    except yaml.YAMLError:
        return None
    if not isinstance(loaded, dict):
        return None
    return [leaf for leaf in _leaves(loaded) if len(leaf) >= 16]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)


def _spellings(word: str) -> Iterator[str]:
    """As it stands, as base64, as part of a URL."""
    if len(word) >= _SHORTEST:
        yield word
        yield base64.b64encode(word.encode()).decode()
        yield quote(word, safe="")
