"""No address that is not public is called public, however it is spelled or wrapped."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reelplane_workloads.egress.addresses import (
    SPECIAL_V4,
    SPECIAL_V6,
    canonical,
    embedded,
    parse,
    special,
    unreachable,
)

KINDS = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_unspecified", "is_reserved")
"""How the standard library calls what is not public."""


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "4000::1",
        "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:192.168.0.1",
    ],
)  # fmt: skip
def test_special_addresses_are_named_as_such(address: str) -> None:
    assert special(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.215.14", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.254",
     "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_public_addresses_are_public(address: str) -> None:
    assert special(ipaddress.ip_address(address)) is None


@settings(deadline=None)
@given(st.ip_addresses(v=4))
@example(IPv4Address("192.0.0.9"))
def test_a_public_ipv4_address_is_in_no_special_range_of_the_standard_library_either(
    address: IPv4Address,
) -> None:
    if special(address) is None:
        assert not any(getattr(address, kind) for kind in KINDS)
        assert not any(address in network for network, _ in SPECIAL_V4)


@settings(deadline=None)
@given(st.ip_addresses(v=6))
def test_a_public_ipv6_address_is_in_no_special_range_of_the_standard_library_either(
    address: IPv6Address,
) -> None:
    if special(address) is None:
        inner = canonical(address) if address.ipv4_mapped else embedded(address)
        if inner is None:
            assert not any(getattr(address, kind) for kind in (*KINDS, "is_site_local"))
        elif isinstance(inner, IPv4Address):
            assert special(inner) is None
        assert not any(address in network for network, _ in SPECIAL_V6)


@settings(deadline=None)
@given(st.sampled_from([network for network, _ in SPECIAL_V4]), st.data())
def test_no_wrapping_makes_a_special_ipv4_address_public(
    network: ipaddress.IPv4Network, data: st.DataObject
) -> None:
    inner = int(network.network_address) + data.draw(st.integers(0, network.num_addresses - 1))
    interface = data.draw(st.sampled_from([0x0000_5EFE, 0x0200_5EFE]))
    wrapped = [
        0xFFFF << 32 | inner,
        inner,
        int(IPv6Address("64:ff9b::")) | inner,
        int(IPv6Address("2002::")) | inner << 80 | data.draw(st.integers(0, 2**80 - 1)),
        int(IPv6Address("2606:4700::")) | interface << 32 | inner,
        int(IPv6Address("2001::")) | inner ^ 0xFFFF_FFFF,
    ]
    for bits in wrapped:
        assert special(IPv6Address(bits)) is not None, IPv6Address(bits)


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("2130706433", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"), ("017700000001", "127.0.0.1"), ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"), ("0x7F.0X0.0.0x1", "127.0.0.1"), ("127.0.0.1.", "127.0.0.1"),
        ("0xa9fea9fe", "169.254.169.254"), ("0", "0.0.0.0"), ("0x", "0.0.0.0"), ("[::1]", "::1"), ("::1", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"), ("[0:0:0:0:0:ffff:7f00:1]", "::ffff:127.0.0.1"),
    ],
)  # fmt: skip
def test_every_spelling_of_an_address_is_that_address(spelling: str, address: str) -> None:
    assert parse(spelling) == ipaddress.ip_address(address)


@pytest.mark.parametrize(
    "spelling",
    [
        "1.2.3.4.5", "256.1.1.1", "1.2.3.08", "4294967296", "fe80::1%eth0", "[fe80::1%25lo]", "a..b", "", ".", "-a.b",
        "ex ample", "127。0。0。1", "a" * 64, "%31.2.3.4", "a.1",
    ],
)  # fmt: skip
def test_what_is_neither_address_nor_name_is_refused(spelling: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(spelling)


def test_names_are_lower_case_without_the_root_dot() -> None:
    assert parse("WWW.Example.COM.") == "www.example.com"


def test_no_allow_list_can_mean_an_address_that_is_no_hosts() -> None:
    assert all(
        unreachable(ipaddress.ip_address(a))
        for a in ("0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0")
    )
    assert not unreachable(ipaddress.ip_address("127.0.0.1"))
