"""The client's address: exactly as much of X-Forwarded-For as somebody vouches for."""

from __future__ import annotations

import pytest

from reelplane_workloads.api.clients import Clients


def forwarded(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-forwarded-for", line.encode()) for line in lines]


@pytest.mark.parametrize(
    ("peer", "lines", "name"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),
        ("10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("1.2.3.4, 203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("1.2.3.4", "203.0.113.9, 10.0.0.2"), "203.0.113.9"),
        ("10.0.0.1", ("203.0.113.9, garbage",), "10.0.0.1"),
        ("10.0.0.1", ("garbage, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", ("203.0.113.9:4711",), "203.0.113.9"),
        ("10.0.0.1", ("[2001:db8:1:2:3::4]:80",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("::ffff:10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", (), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", (), "2001:db8:1:2::/64"),
    ],
)
def test_the_rightmost_untrusted_hop_is_the_client(peer: str, lines: tuple[str, ...], name: str) -> None:
    assert Clients(("10.0.0.0/8",)).name(peer, forwarded(*lines)) == name


def test_without_trusted_proxies_only_the_peer_counts() -> None:
    clients = Clients()
    assert clients.name("10.0.0.1", forwarded("203.0.113.9")) == "10.0.0.1"
    assert clients.name(None, forwarded("203.0.113.9")) == "local"


def test_https_is_believed_from_trusted_proxies_only() -> None:
    header = [(b"x-forwarded-proto", b"https")]
    assert Clients(("10.0.0.0/8",)).is_https("http", "10.0.0.1", header)
    assert not Clients(("10.0.0.0/8",)).is_https("http", "198.51.100.7", header)
    assert Clients().is_https("https", None, [])


def test_a_range_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        Clients(("10.0.0.0/99",))
