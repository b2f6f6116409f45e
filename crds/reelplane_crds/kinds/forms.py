"""Named forms of text and maps of text: names, host names, address ranges, image references, labels.

Each is an ``Annotated`` alias that speaks to both judges: a pattern or CEL rule in the schema, a check in Python.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from reelplane_crds.kinds.values import Form, JsonSchema, with_rules
from reelplane_crds.rules import Invalid, shown

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
"""A DNS label (RFC 1123)."""
_SUBDOMAIN = "[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?"
"""What Kubernetes names most of its objects by: DNS labels with dots between them."""
_URL_HOST = "[!-.0-?A-~]+"
"""Printable ASCII without '/' and '@'. Classes like \\s differ between Python and the API server."""
_WORD = "[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?"
"""Kubernetes' form of a label's value, and of the part of its key after the prefix."""


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Invalid(f"{shown(text)} is not an address range", "write e.g. 10.0.0.0/8 or fd00::/8") from None
    if isinstance(network, ipaddress.IPv6Network) and ipaddress.IPv6Interface(text).ip.ipv4_mapped:
        # The API server refuses these: they would be read as IPv4 in some places, and not in others.
        raise Invalid(
            f"{shown(text)} is an IPv4 range in IPv6's clothes", "write it as IPv4, e.g. 10.0.0.0/8"
        )
    return text


@dataclass(frozen=True, slots=True)
class _CidrRule:
    """The API server's own CIDR check beside the pattern, which alone would accept 999.0.0.0/8."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        rule = {"rule": "isCIDR(self)", "message": "must be an address range, e.g. 10.0.0.0/8"}
        return with_rules(handler(schema), rule)


Name = Annotated[
    str,
    Form(
        r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$",
        40,
        "a name",
        "shorts",
        "lower-case letters, digits and '-', at most 40, starting with a letter",
    ),
]
"""Name of an object of ours: a DNS label, short enough to leave room for its children's suffixes in 63."""

SecretName = Annotated[
    str,
    Form(rf"^{_SUBDOMAIN}$", 253, "the name of a Secret", "reels-db"),
]
SecretKey = Annotated[str, Form(r"^[-._a-zA-Z0-9]+$", 253, "a key of a Secret", "url")]
Cidr = Annotated[
    str,
    Form(r"^[0-9a-fA-F.:]+/(0|[1-9][0-9]{0,2})$", 43, "an address range", "10.0.0.0/8"),
    AfterValidator(_network),
    _CidrRule(),
]
HostName = Annotated[
    str,
    Form(
        rf"^{_LABEL}(\.{_LABEL})*$",
        253,
        "a host name",
        "media.internal.example.com",
        "lower case, without scheme or port",
    ),
]
HttpUrl = Annotated[
    str,
    Form(
        rf"^https?://{_URL_HOST}(/[!-~]*)?$",
        2048,
        "a URL",
        "https://www.example.com/path",
        "http or https, without credentials",
    ),
]
HttpServer = Annotated[
    str,
    Form(
        rf"^https?://{_URL_HOST}$",
        256,
        "a URL",
        "http://10.0.0.5:9000",
        "http or https, host and port only",
    ),
]
ProxyUrl = Annotated[
    str,
    Form(
        rf"^(http|socks5)://{_URL_HOST}:[0-9]{{1,5}}$",
        256,
        "a proxy's URL",
        "http://proxy.example.com:3128",
        "http or socks5, host and port; credentials stand in credentialsFrom",
    ),
]
Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""
Region = Annotated[str, Form(r"^[a-z0-9][-a-z0-9]*$", 32, "a region", "us-west-2")]
Namespace = Annotated[str, Form(rf"^{_LABEL}$", 63, "the name of a namespace", "video")]
IngressClassName = Annotated[str, Form(rf"^{_SUBDOMAIN}$", 253, "the name of an IngressClass", "traefik")]
GatewayName = Annotated[str, Form(rf"^{_SUBDOMAIN}$", 253, "the name of a Gateway", "public")]
StorageClassName = Annotated[str, Form(rf"^{_SUBDOMAIN}$", 253, "the name of a StorageClass", "fast-ssd")]
PriorityClassName = Annotated[str, Form(rf"^{_SUBDOMAIN}$", 253, "the name of a PriorityClass", "video")]
RuntimeClassName = Annotated[str, Form(rf"^{_SUBDOMAIN}$", 253, "the name of a RuntimeClass", "nvidia")]

_REPOSITORY = r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]([-._a-z0-9]*[a-z0-9])?)*"
Image = Annotated[
    str,
    Form(
        rf"^{_REPOSITORY}(:[A-Za-z0-9_][-.A-Za-z0-9_]{{0,127}})?(@sha256:[0-9a-f]{{64}})?$",
        512,
        "an image",
        "registry.example.com/reelplane/workloads:0.2.0",
        "registry, path, and a tag or digest",
    ),
]
Repository = Annotated[
    str,
    Form(
        rf"^{_REPOSITORY}$",
        380,
        "an image without a tag",
        "registry.example.com/reelplane/extractor",
        "the tag is the version that is asked for",
    ),
]
ExtractorVersion = Annotated[
    str,
    Form(
        r"^[0-9]([-.A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
        63,
        "a version",
        "2026.10.26",
        "as yt-dlp names its releases, and an image's tag",
    ),
]
ExtendedResource = Annotated[
    str, Form(rf"^{_SUBDOMAIN}/{_WORD}$", 317, "an extended resource", "nvidia.com/gpu", "domain and name")
]
LabelKey = Annotated[
    str,
    Form(
        rf"^({_SUBDOMAIN}/)?{_WORD}$",
        317,
        "a label key",
        "example.com/team",
        "letters, digits, '-', '_' and '.', with a domain before '/' or none",
    ),
]
LabelValue = Annotated[str, Form(rf"^({_WORD})?$", 63, "a label value", "video", "at most 63 characters")]


def _without_nulls(value: Any) -> Any:
    """A null counts as absent, as it does for the API server and for every other field."""
    return (
        {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value
    )


Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=16), BeforeValidator(_without_nulls)]
"""Labels of an object, or what a node's labels must be."""
Annotations = Annotated[
    dict[LabelKey, Annotated[str, Field(max_length=4096)]],
    Field(max_length=32),
    BeforeValidator(_without_nulls),
]
"""Annotations of an object; their keys have the form of labels' keys."""
