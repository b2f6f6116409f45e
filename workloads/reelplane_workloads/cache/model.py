"""What a lookup can say, as values. Structs of msgspec: made in C, since one is made for every request."""

from __future__ import annotations

import msgspec


class Hit(msgspec.Struct, frozen=True, gc=False):
    """The video is there. No token was taken."""

    medium: bytes
    """The ``Medium`` as a JSON object in bytes, to be spliced into an answer as it is."""


class InFlight(msgspec.Struct, frozen=True, gc=False):
    """Somebody is bringing it in. No token was taken; following it costs none either."""

    flight_id: str
    """Empty while the first to miss it has claimed it and is about to commit the flight."""
    """Empty while the one who claimed the URL commits its flight: ask again in a moment."""


class Failed(msgspec.Struct, frozen=True, gc=False):
    """It failed a moment ago and would again. No token was taken."""

    code: str
    """A ``core.errors.Code``."""
    detail: str
    ttl: int
    """Whole seconds, at least 1, until a new attempt is allowed."""


class Miss(msgspec.Struct, frozen=True, gc=False):
    """Nothing is known of it here. A token was taken; ``Cache.refund`` gives it back when nothing was started."""

    remaining: int
    """Tokens left at this moment."""
    reset: int
    """Whole seconds until the bucket is full again."""


class Limited(msgspec.Struct, frozen=True, gc=False):
    """The client asks too often. No token was taken."""

    retry_after: int
    """Whole seconds, at least 1, after which the same request is allowed if no other comes in between."""
    remaining: int
    reset: int
    limit: int
    """Tokens a full bucket holds."""


Lookup = Hit | InFlight | Failed | Miss | Limited
