"""Links to media in a folder, served by the API itself: signed, so that a link is all a player needs, and expiring.

    /v1/media/<key>?expires=<unix seconds>&filename=<name>&signature=<base64url of HMAC-SHA256>

The signature covers key, expiry and file name, and holds for GET and HEAD alike. The key of the HMAC is derived
from the platform's signing key for this one purpose, so that a media link can never pass for a signed cookie.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import quote

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.storage.disposition import safe_filename

_PURPOSE = b"reelplane media url v1"

REUSE = 60
"""Seconds one link is handed out for. A request then costs a dict lookup instead of an HMAC, and all API
processes hand out the same link, which is what lets browsers and edge caches recognise it."""

MEMO_ENTRIES = 10_000
"""Links remembered at once, about 4 MB; beyond that the memo starts anew."""


class UrlSigner:
    """Signs and verifies links below ``base``. ``key`` is the platform's signing key: 32 or more random bytes."""

    def __init__(self, key: bytes, base: str = "/v1/media/") -> None:
        if len(key) < 32:
            raise ValueError(f"a signing key has 32 or more bytes, not {len(key)}")
        self.base = base
        # Keyed once: copying the state halves the cost of a signature.
        self._mac = hmac.new(hmac.digest(key, _PURPOSE, sha256), digestmod=sha256)

    def sign(self, key: str, *, ttl: int, filename: str | None = None, now: float) -> str:
        """The link to ``key`` that expires at ``now + ttl`` seconds; ``filename`` is sanitised before it is signed."""
        expires = int(now) + ttl
        name = "" if filename is None else safe_filename(filename)
        query = f"expires={expires}"
        if name:
            query += f"&filename={quote(name, safe='')}"
        return f"{self.base}{key}?{query}&signature={self._signature(key, str(expires), name)}"

    def verify(
        self, key: str, *, expires: str, signature: str, filename: str | None = None, now: float
    ) -> None:
        """Check a link's parameters as they came, decoded. Raises Problem(SIGNATURE_INVALID or SIGNATURE_EXPIRED).

        The signature is judged first and in constant time: a forger learns nothing, not even that a link expired.
        """
        expected = self._signature(key, expires, filename or "")
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise Problem(Code.SIGNATURE_INVALID, "the link was altered or was never given out")
        if now >= int(expires):
            raise Problem(Code.SIGNATURE_EXPIRED, f"the link expired {int(now) - int(expires)} s ago")

    def _signature(self, key: str, expires: str, filename: str) -> str:
        # Unambiguous: neither a key nor a number holds a newline, and the name comes last.
        mac = self._mac.copy()
        mac.update(f"{key}\n{expires}\n{filename}".encode(errors="replace"))
        return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


class UrlMemo:
    """Hands out one link per object and name for up to ``REUSE`` seconds, at most a quarter of its lifetime.

    ``sign(key, ttl, filename, issued_at)`` makes the link. It is called with the start of the current period
    instead of the present, so that the link depends on the period only.
    """

    def __init__(self, sign: Callable[[str, int, str | None, int], str]) -> None:
        self._sign = sign
        self._urls: dict[tuple[str, int, str | None], str] = {}
        self._period = (0, 0)

    @classmethod
    def of(cls, signer: UrlSigner) -> UrlMemo:
        """Links to this API."""
        return cls(lambda key, ttl, name, at: signer.sign(key, ttl=ttl, filename=name, now=at))

    def sign_cached(self, key: str, ttl: int, filename: str | None, now: float) -> str:
        """A link that stays valid for at least ``ttl - min(REUSE, ttl / 4)`` seconds and at most ``ttl``."""
        reuse = min(REUSE, ttl // 4) or 1
        issued = int(now) // reuse * reuse
        if self._period != (reuse, issued) or len(self._urls) >= MEMO_ENTRIES:
            self._urls.clear()
            self._period = (reuse, issued)
        url = self._urls.get((key, ttl, filename))
        if url is None:
            url = self._urls[key, ttl, filename] = self._sign(key, ttl, filename, issued)
        return url
