"""The public name of a platform's API: what leads there, and what the API calls itself."""

from __future__ import annotations

from reelplane_crds.kinds import VideoPlatform
from reelplane_plan.network import Route
from reelplane_plan.types import HTTP_ROUTE, Facts, Problem


def build(platform: VideoPlatform, facts: Facts) -> tuple[Route | None, tuple[Problem, ...]]:
    """None without a domain, and on one machine, where the API is reached at its port."""
    spec = platform.spec
    if facts.target == "local" or spec.domain is None:
        return None, ()
    gateway = spec.gateway
    if gateway is None:
        return Route(spec.domain, f"http://{spec.domain}"), ()
    # A Gateway whose listener has no certificate is for redirects; what serves people has one.
    secure = gateway.parent is not None or gateway.tls is not None
    made = Route(
        host=spec.domain,
        url=f"{'https' if secure else 'http'}://{spec.domain}",
        ingress_class=gateway.class_,
        parent=gateway.parent,
        tls=gateway.tls.secret if gateway.tls else None,
        annotations=gateway.annotations,
    )
    if gateway.parent is None or HTTP_ROUTE in facts.apis:
        return made, ()
    return None, (
        Problem(
            f"VideoPlatform/{platform.metadata.name}: spec.gateway.parent",
            "this cluster does not serve HTTPRoute, the kind that attaches a name to a Gateway",
            "install the Gateway API, or name an IngressClass in spec.gateway.class",
            reason="GatewayAPIMissing",
        ),
    )
