"""Who asks: the holder of an API key, or an anonymous client that was given an id in a signed cookie.

Jobs belong to a principal, and only it sees and cancels them. API keys are kept as SHA-256 hashes; keys are random,
so a plain hash is enough (no password hashing) and costs a microsecond per request. The cookie is proof that this
platform issued the id: the id with an HMAC over it, so nothing is stored per visitor.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from reelplane_workloads.api.bounded import Bounded
from reelplane_workloads.core.errors import Code, Problem

YEAR = 365 * 86400
RELOAD = 1.0
"""Seconds between looks at the key file's modification time."""

_REMEMBERED = 512
"""Longer Cookie headers are verified each time: what is remembered must not be a stranger's choice of memory."""

_ID_BYTES = 16
_MAC_BYTES = 16
"""128 bits of HMAC-SHA-256 (RFC 2104 section 5 allows truncation to half)."""


class Principals:
    """``keys_file`` is read again when it changes. Raises OSError or ValueError when it cannot be used at the start."""

    def __init__(
        self,
        *,
        platform: str,
        secret: bytes,
        anonymous: bool,
        keys_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.anonymous = anonymous
        self.cookie = f"reelplane-{platform}"
        """Named after the platform: browsers keep cookies per host, and two platforms may share one."""
        self._cookie_prefix = f"{self.cookie}=".encode()
        self._mac_key = hmac.digest(secret, b"reelplane client cookie v1", "sha256")
        self._verified: Bounded[bytes, str | None] = Bounded(10_000)
        self._keys_file = keys_file
        self._clock = clock
        self._looked = clock()
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, str] = {}
        if keys_file is not None:
            self._load(keys_file)

    def identify(self, authorization: bytes | None, cookies: bytes | None) -> str | None:
        """The principal, or None for an anonymous client that was not given an id yet.

        Raises Problem(UNAUTHORIZED): an API key that is not known, or none where one is needed.
        """
        if authorization is not None and authorization[:7].lower() == b"bearer ":
            name = self._by_key(authorization[7:].strip())
            if name is None:
                raise Problem(Code.UNAUTHORIZED, "the API key is not known here", field="Authorization")
            return name
        if not self.anonymous:
            raise Problem(Code.UNAUTHORIZED, "an API key is needed", field="Authorization")
        return self._by_cookie(cookies) if cookies else None

    def introduce(self, *, secure: bool) -> tuple[str, bytes]:
        """A new anonymous principal, and the Set-Cookie value that makes its client come back as it."""
        identifier = secrets.token_bytes(_ID_BYTES)
        value = self._value(identifier).decode()
        attributes = f"Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        return _anonymous(identifier), f"{self.cookie}={value}; {attributes}".encode()

    def _by_key(self, key: bytes) -> str | None:
        self._reload()
        # Looking a hash up takes a time that depends on the hash only, which tells nothing of the keys.
        return self._keys.get(hashlib.sha256(key).hexdigest())

    def _by_cookie(self, cookies: bytes) -> str | None:
        try:
            return self._verified[cookies]
        except KeyError:
            principal = self._verify(cookies)
            if len(cookies) <= _REMEMBERED:
                self._verified.put(cookies, principal)
            return principal

    def _verify(self, cookies: bytes) -> str | None:
        for part in cookies.split(b";"):
            pair = part.strip()
            if pair.startswith(self._cookie_prefix):
                value = pair[len(self._cookie_prefix) :]
                identifier = _bytes(value.partition(b".")[0])
                # Compared as written, so that one id has one spelling.
                if len(identifier) == _ID_BYTES and hmac.compare_digest(value, self._value(identifier)):
                    return _anonymous(identifier)
        return None

    def _value(self, identifier: bytes) -> bytes:
        mac = hmac.digest(self._mac_key, identifier, "sha256")[:_MAC_BYTES]
        return f"{_text(identifier)}.{_text(mac)}".encode()

    def _reload(self) -> None:
        now = self._clock()
        if self._keys_file is None or now - self._looked < RELOAD:
            return
        self._looked = now
        try:
            if self._stamp_of(self._keys_file) != self._stamp:
                self._load(self._keys_file)
        except (OSError, ValueError):
            # A file that is being replaced or was edited wrongly: the keys that were valid stay valid.
            return

    def _load(self, path: Path) -> None:
        stamp = self._stamp_of(path)
        self._keys = parse_keys(path.read_text(encoding="utf-8"), str(path))
        self._stamp = stamp

    @staticmethod
    def _stamp_of(path: Path) -> tuple[int, int]:
        found = path.stat()
        return found.st_mtime_ns, found.st_size


def parse_keys(text: str, where: str) -> dict[str, str]:
    """``<principal> <sha256 of the key, hex>`` lines to hash -> principal. ``#`` starts a comment line.

    Raises ValueError naming ``where`` and the line.
    """
    keys: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, digest = line.strip().partition(" ")
        digest = digest.strip().lower()
        if len(digest) != 64 or any(char not in "0123456789abcdef" for char in digest):
            raise ValueError(f"{where}:{number}: want '<principal> <sha256 of the key, 64 hex digits>'")
        keys[digest] = f"key:{name}"
    return keys


def _anonymous(identifier: bytes) -> str:
    return f"anon:{identifier.hex()}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: bytes) -> bytes:
    """Empty for what is not base64url."""
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        return b""
