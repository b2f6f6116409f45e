"""From the bytes of a request to what is wanted: a URL, its key, and options held against the pipeline's limits.

Parsing is pure and its result depends on the bytes and the runtime document alone, so it is remembered by the
bytes: the second request with the same body costs one dictionary lookup.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from reelplane_crds.runtime import RuntimeDocument
from reelplane_workloads.api.bounded import Bounded
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.core.keys import jar_for, literal_address, normalise, site_of, url_key, variant_of
from reelplane_workloads.egress.policy import Policy
from reelplane_workloads.store.model import FlightKind, Options

MAX_BODY = 16 * 2**10
"""Bytes of a request's body: a URL of MAX_URL characters, escaped, fits several times."""

REMEMBERED_BODY = 1024
"""Longer bodies are parsed each time: what is remembered must not be a stranger's choice of memory."""

_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_NAMED = re.compile(r"field `([^`]+)`")


class DownloadRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """The body of POST /v1/downloads. ``openapi`` describes it to people."""

    url: Annotated[str, msgspec.Meta(description="The page that plays the video: http or https.")]
    format: Annotated[Literal["video", "audio"], msgspec.Meta(description="`audio`: the sound only.")] = (
        "video"
    )
    maxHeight: Annotated[
        Annotated[int, msgspec.Meta(ge=16, le=8640)] | None,
        msgspec.Meta(description="Lines at most; null: as the pipeline allows."),
    ] = None
    playlist: Annotated[bool, msgspec.Meta(description="Bring in all of a playlist, as a set of jobs.")] = (
        False
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    kind: FlightKind
    url: str
    """As sent, without surrounding white space."""
    url_key: str
    options: Options


class Reader:
    """Reads requests under one runtime document. ``jars``: sites for which there is a cookie file."""

    def __init__(self, document: RuntimeDocument, jars: tuple[str, ...] = ()) -> None:
        self._max_height = document.sources.max_height
        self._policy = Policy.of(document.egress)
        proxies = document.egress.proxies
        self._country = proxies.country if proxies is not None else None
        self._jars = jars
        self._decoder = msgspec.json.Decoder(DownloadRequest)
        self._remembered: Bounded[bytes, Wanted] = Bounded(10_000)

    def download(self, body: bytes) -> Wanted:
        """Raises Problem: INVALID_REQUEST, MALFORMED_URL, UNSUPPORTED_SCHEME or PRIVATE_ADDRESS, naming the field."""
        wanted = self._remembered.get(body)
        if wanted is None:
            wanted = self._parse(body)
            if len(body) <= REMEMBERED_BODY:
                self._remembered.put(body, wanted)
        return wanted

    def info(self, url: str) -> Wanted:
        """Raises Problem as ``download`` does."""
        return self._wanted(FlightKind.INFO, url, Options())

    def _parse(self, body: bytes) -> Wanted:
        try:
            request = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(
                Code.INVALID_REQUEST,
                f"the body is not JSON: {error}",
                way_out='Send a JSON object, e.g. {"url": "https://example.com/v/1"}.',
            ) from None
        # A height at or above the pipeline's limit asks for the same file as none at all, and must share its key.
        height = request.maxHeight
        if request.format == "audio" or (height is not None and height >= self._max_height):
            height = None
        options = Options(format=request.format, max_height=height, playlist=request.playlist)
        return self._wanted(FlightKind.DOWNLOAD, request.url, options)

    def _wanted(self, kind: FlightKind, url: str, options: Options) -> Wanted:
        try:
            url.encode()
        except UnicodeEncodeError:
            raise Problem(Code.MALFORMED_URL, "the URL holds half a character", field="url") from None
        normalised = normalise(url)
        address = literal_address(normalised)
        if address is not None:
            self._refuse_private(address, normalised)
        variant = variant_of(country=self._country, jar=jar_for(site_of(normalised), self._jars))
        return Wanted(kind, url.strip(), url_key(kind, normalised, options, variant=variant), options)

    def _refuse_private(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, url: str) -> None:
        """Say early what the egress guard would say later; the guard stays the one that enforces it."""
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        refusal = self._policy.refusal(str(address), address, port)
        if refusal is not None:
            raise Problem(Code.PRIVATE_ADDRESS, refusal, field="url")


def _invalid(message: str) -> Problem:
    """msgspec's sentence with the field taken out of it: ``Expected `str`, got `int` - at `$.url```."""
    at = _PATH.search(message)
    named = _NAMED.search(message)
    field = at[1] if at and at[1] else named[1] if named else None
    return Problem(Code.INVALID_REQUEST, _PATH.sub("", message), field=field)
