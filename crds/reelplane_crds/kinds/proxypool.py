"""ProxyPool: the egress proxies that extraction goes out through, and what happens when none is left."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from reelplane_crds.kinds.common import (
    AGE,
    API_VERSION,
    READY,
    REASON,
    ApiModel,
    Column,
    Definition,
    Kube,
    Many,
    Resource,
    SecretKeyRef,
)
from reelplane_crds.kinds.forms import HttpUrl, Name, ProxyUrl
from reelplane_crds.kinds.status import Copies, Figure, Status
from reelplane_crds.kinds.values import Between, Duration, Form
from reelplane_crds.rules import Rule, exactly_one


class Endpoint(ApiModel):
    """One proxy."""

    name: Name
    """What logs, metrics and status call it."""
    url: ProxyUrl
    """Where it listens: http://host:port or socks5://host:port, without credentials."""
    credentials_from: SecretKeyRef | None = None
    """Where user:password stands, for proxies that ask for it."""


class Rotation(ApiModel):
    """How jobs are spread over the proxies."""

    stickiness: Literal["Job"] = "Job"
    """Job: all requests of one job leave by the same proxy, since sites tie their links to an address."""
    max_failures: Annotated[int, Field(ge=1, le=100)] = 3
    """Failures in a row at one site before a proxy is no longer used for that site."""
    ban_for: Annotated[Duration, Between("1s", "168h")] = Duration("30m")
    """How long it is not used for that site; then it is tried again."""


class HealthCheck(ApiModel):
    """A request sent through each proxy to see that it works at all."""

    url: HttpUrl
    """What is asked for; any answer below 400 counts as alive."""
    interval: Annotated[Duration, Between("1s", "1h")] = Duration("60s")
    """Time between two checks of the same proxy."""


class ProxyPoolSpec(ApiModel):
    """The wanted pool."""

    rules: ClassVar = (
        exactly_one(
            "endpoints", "endpointsFrom", right="{endpoints: [{name: a, url: 'http://10.0.0.5:3128'}]}"
        ),
        Rule(
            cel="!has(self.endpoints) || size(self.endpoints) > 0 || self.whenExhausted == 'Direct'",
            holds=lambda spec: (
                bool(spec.endpoints) or spec.endpoints is None or spec.when_exhausted == "Direct"
            ),
            message="a pool without endpoints can only go out directly",
            right="{endpoints: [], whenExhausted: Direct}",
            wrong="{endpoints: [], whenExhausted: Fail}",
            field="whenExhausted",
        ),
    )

    endpoints: (
        Annotated[Many[Endpoint], Field(max_length=256), Kube(list_type="map", list_map_keys=("name",))]
        | None
    ) = None
    """The proxies. An empty list with whenExhausted: Direct means no proxy at all."""
    endpoints_from: SecretKeyRef | None = None
    """A list of proxies kept in a Secret, one URL a line, user:password@ allowed; empty lines and # are skipped."""
    country: Annotated[str, Form(r"^[A-Z]{2}$", 2, "a country code (ISO 3166-1 alpha-2)", "DE")] | None = None
    """Country the proxies go out in. Sites answer by country, so results of different countries are kept apart."""
    rotation: Rotation = Rotation()
    """How jobs are spread over the proxies."""
    health_check: HealthCheck | None = None
    """A request sent through each proxy now and then. Not set: proxies are judged by jobs alone."""
    when_exhausted: Literal["Fail", "Direct"] = "Fail"
    """When no proxy is left for a site: Fail ends the job as proxy_failed, Direct goes out from here."""


class ProxyPoolStatus(Status):
    """The pool as it was last seen."""

    healthy: Copies | None = None
    """Proxies that answer and all there are, e.g. 3/4."""
    bans: Figure | None = None
    """Pairs of proxy and site that are out of use right now."""


class ProxyPool(Resource):
    """The egress proxies that extraction goes out through."""

    definition: ClassVar = Definition(
        plural="proxypools",
        short="pp",
        columns=(
            READY,
            Column("Healthy", "string", ".status.healthy"),
            Column("Bans", "integer", ".status.bans"),
            Column("Country", "string", ".spec.country"),
            AGE,
            REASON,
        ),
    )

    api_version: Literal["reelplane.io/v1alpha1"] = API_VERSION
    kind: Literal["ProxyPool"] = "ProxyPool"
    spec: ProxyPoolSpec
    """What is wanted."""
    status: ProxyPoolStatus | None = None
    """What was last seen; written by Reelplane."""
