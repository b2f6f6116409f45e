"""A client's budget as headers: RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-11 (May 2026).

The draft's earlier revisions had three headers of whole numbers (RateLimit-Limit, -Remaining, -Reset); the current
one has two structured fields (RFC 9651), which is what is sent: the policy ``"download";q=3;w=60`` says 3 requests in
60 seconds, and ``"download";r=0;t=17`` that none remain and the next comes in 17 seconds.
"""

from __future__ import annotations

from reelplane_crds.runtime import Rate
from reelplane_workloads.api.answers import Header
from reelplane_workloads.api.problems import Limited


def headers(name: str, rate: Rate, *, remaining: int, reset: float) -> tuple[Header, Header]:
    """``reset``: seconds until the budget has grown; rounded up, so that a client that waits is let through."""
    return (
        (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name.encode(), rate.count, rate.per)),
        (b"ratelimit", b'"%s";r=%d;t=%d' % (name.encode(), max(0, remaining), whole(reset))),
    )


def limited(name: str, rate: Rate, *, retry_after: float) -> Limited:
    """The 429 for a client whose budget is spent."""
    wait = max(1, whole(retry_after))
    return Limited(
        f"{rate.count} new {name} requests in {rate.per} s are allowed; the next one in {wait} s",
        retry_after=wait,
        headers=headers(name, rate, remaining=0, reset=wait),
    )


def whole(seconds: float) -> int:
    """Rounded up to whole seconds, as HTTP wants them."""
    return -int(-seconds // 1)
