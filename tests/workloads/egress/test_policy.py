"""Public origins on the listed ports, private ones only as the operator opened them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from reelplane_crds.runtime import EgressSettings, OriginAllow
from reelplane_workloads.egress.policy import Policy


def refusal(host: str, ip: str, port: int, *allow: OriginAllow) -> str | None:
    return Policy.of(EgressSettings(allow=allow)).refusal(host, ip_address(ip), port)


def test_public_origins_are_reached_on_the_listed_ports_only() -> None:
    assert refusal("example.com", "93.184.215.14", 443) is None
    assert "port 22" in (refusal("example.com", "93.184.215.14", 22) or "")


def test_private_origins_are_refused_with_the_reason() -> None:
    assert "RFC 1918" in (refusal("intranet", "10.0.0.5", 80) or "")


@pytest.mark.parametrize(
    ("allow", "opens"),
    [
        (OriginAllow(cidr="10.0.0.0/24", port=8000), True),
        (OriginAllow(cidr="10.0.0.0/24"), True),
        (OriginAllow(cidr="10.0.0.0/24", port=8001), False),
        (OriginAllow(cidr="10.0.1.0/24", port=8000), False),
        (OriginAllow(host="Media.Internal.", port=8000), True),
        (OriginAllow(host="other.internal", port=8000), False),
        (OriginAllow(host="internal", port=8000), False),
        (OriginAllow(host="media.internal", cidr="10.0.9.0/24", port=8000), False),
        (OriginAllow(cidr="::/0"), False),
    ],
)
def test_an_opening_opens_what_it_says_and_no_more(allow: OriginAllow, opens: bool) -> None:
    assert (refusal("media.internal", "10.0.0.5", 8000, allow) is None) is opens


def test_an_opening_also_covers_the_address_in_its_ipv6_wrapping() -> None:
    assert refusal("h", "::ffff:10.0.0.5", 8000, OriginAllow(cidr="10.0.0.5/32", port=8000)) is None


def test_even_an_opening_of_everything_leaves_out_what_is_no_hosts_address() -> None:
    assert refusal("h", "0.0.0.0", 80, OriginAllow(cidr="0.0.0.0/0")) is not None


@pytest.mark.parametrize("allow", [OriginAllow(), OriginAllow(cidr="10.0.0.0/33")])
def test_a_wrong_opening_is_an_error_at_start_not_a_surprise_later(allow: OriginAllow) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Policy.of(EgressSettings(allow=(allow,)))
