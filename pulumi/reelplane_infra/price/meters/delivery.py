"""Between the viewers and the regions: bytes and requests at the edge, rules, health checks.

Bytes are charged where the viewer is: each primary region's share of the audience at its part of the world's tiers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reelplane_infra.price.meters.base import Meter, Site, Use, component, read
from reelplane_infra.record import Resource

QUERIES_PER_USER: Final = 4 * 30
"""Name look-ups of one user in a month that no resolver answered: own estimate."""


def distribution(resource: Resource, site: Site) -> Iterator[Use]:
    """The media's carries the viewers' bytes, the API's its requests, whose bytes do not count beside them."""
    media = component(resource).partition("-")[0] == "media"
    misses = 1 - site.environment.audience.hit_rate
    shield = any((each.get("originShield") or {}).get("enabled") for each in read(resource, "origins", []))
    for region, weight in site.weights.items():
        part = site.total.share(weight)
        requests = part.segments if media else part.api_requests
        yield Use("cdn.requests", requests / 1e6, region=region)
        if media:
            yield Use("cdn.gb", part.delivered_gb, region=region)
        if shield:
            yield Use("cdn.shield", requests / 1e6 * (misses if media else 1), region=region)


def function(_: Resource, site: Site) -> Iterator[Use]:
    yield Use("cdn.function", site.total.api_requests / 1e6)


def web_acl(resource: Resource, site: Site) -> Iterator[Use]:
    """Only API requests are inspected: signed media needs no rules. A regional ACL sees its region's."""
    yield Use("waf.acl", 1)
    yield Use("waf.rule", len(read(resource, "rules", [])))
    seen = site.total if read(resource, "scope", "REGIONAL") == "CLOUDFRONT" else site.usage
    yield Use("waf.requests", seen.api_requests / 1e6)


def zone(_: Resource, site: Site) -> Iterator[Use]:
    yield Use("dns.zone", 1)
    if len(site.environment.primaries) > 1:
        yield Use("dns.geo", site.environment.audience.daily_users * QUERIES_PER_USER / 1e6)


def health_check(resource: Resource, _: Site) -> Iterator[Use]:
    """HTTPS, a fast interval, string matching and latency are paid each on top."""
    kind = str(read(resource, "type", "HTTP"))
    yield Use("dns.check", 1)
    features = (
        kind.startswith("HTTPS"),
        kind.endswith("STR_MATCH"),
        read(resource, "requestInterval", 30) == 10,
        bool(read(resource, "measureLatency", False)),
    )
    if any(features):
        yield Use("dns.check.feature", sum(features))


def recovery_plan(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("arc.plan", 1)


METERS: Final[Mapping[str, Meter]] = {
    "aws:cloudfront/distribution:Distribution": distribution,
    "aws:cloudfront/function:Function": function,
    "aws:wafv2/webAcl:WebAcl": web_acl,
    "aws:route53/zone:Zone": zone,
    "aws:route53/healthCheck:HealthCheck": health_check,
    "aws:arcregionswitch/plan:Plan": recovery_plan,
}
