"""Which addresses are public, as a pure function of the address.

``parse`` reads a host the way a C library would (so that ``0x7f.1`` is known for 127.0.0.1 before anyone
connects), ``canonical`` turns an address into the one the operating system will really send to, and
``special`` names the reason why an address is not an ordinary public one.

``ipaddress.is_global`` is not asked: its tables changed between patch releases of Python (3.11.9 and 3.12.4
among them), and a sandbox must not depend on which one happens to be installed. The lists here are IANA's
special-purpose registries (RFC 6890 and its updates), read 2026-11.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

SPECIAL_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "this host on this network, RFC 1122"),
        ("10.0.0.0/8", "private, RFC 1918"),
        ("100.64.0.0/10", "shared by carriers, RFC 6598"),
        ("127.0.0.0/8", "loopback, RFC 1122"),
        ("168.63.129.16/32", "the Azure host's own services, answered only inside its network"),
        ("169.254.0.0/16", "link-local and cloud metadata, RFC 3927"),
        ("172.16.0.0/12", "private, RFC 1918"),
        ("192.0.0.0/24", "protocol assignments, RFC 6890"),
        ("192.0.2.0/24", "documentation, RFC 5737"),
        ("192.88.99.0/24", "former 6to4 relays, RFC 7526"),
        ("192.168.0.0/16", "private, RFC 1918"),
        ("198.18.0.0/15", "benchmarks, RFC 2544"),
        ("198.51.100.0/24", "documentation, RFC 5737"),
        ("203.0.113.0/24", "documentation, RFC 5737"),
        ("224.0.0.0/4", "multicast, RFC 5771"),
        ("255.255.255.255/32", "broadcast, RFC 919"),
        ("240.0.0.0/4", "reserved, RFC 1112"),
    )
)

SPECIAL_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::/128", "unspecified, RFC 4291"),
        ("::1/128", "loopback, RFC 4291"),
        ("::/96", "IPv4-compatible, RFC 4291"),
        ("64:ff9b:1::/48", "NAT64 for local use, RFC 8215"),
        ("100::/64", "discard only, RFC 6666"),
        ("2001::/32", "Teredo, RFC 4380"),
        ("2001::/23", "protocol assignments, RFC 2928"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("3fff::/20", "documentation, RFC 9637"),
        ("fc00::/7", "unique local, RFC 4193"),
        ("fe80::/10", "link-local, RFC 4291"),
        ("fec0::/10", "site-local, RFC 3879"),
        ("ff00::/8", "multicast, RFC 4291"),
    )
)

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has handed out for the public internet; what lies outside is refused without further thought."""
NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: a gateway sends what comes here to the IPv4 address in the low 32 bits."""
SIX_TO_FOUR = IPv6Network("2002::/16")
"""RFC 3056: the IPv4 address stands in bits 16 to 47."""
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""RFC 5214: these upper halves of an interface identifier say that the lower half is an IPv4 address."""

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)


def parse(host: str) -> Address | str:
    """The address that ``host`` spells, in any spelling that resolvers accept, or the name in lower case.

    IPv4 follows the URL standard's parser (one to four parts, each decimal, octal or hexadecimal, the last
    filling what is left), which is what ``inet_aton`` does. IPv6 may stand in brackets. Raises ValueError for
    what is neither: a bad number, a zone identifier, a name with characters outside letters, digits, ``-``, ``_``.
    """
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1])
    if ":" in host:
        return _ipv6(host)
    name = host.lower().removesuffix(".")
    parts = name.split(".")
    if _NUMBER.fullmatch(parts[-1]):
        return _ipv4(parts)
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a host name: {host!r}")
    return name


def canonical(ip: Address) -> Address:
    """The address packets are really sent to: an IPv4-mapped IPv6 address is the IPv4 address inside it."""
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def special(ip: Address) -> str | None:
    """Why ``ip`` is not an ordinary public address, or None when it is one.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4, ISATAP) is judged by that one as well:
    some router on the way may unwrap it.
    """
    ip = canonical(ip)
    if isinstance(ip, IPv4Address):
        return next((reason for network, reason in SPECIAL_V4 if ip in network), None)
    for network, reason in SPECIAL_V6:
        if ip in network:
            return reason
    inner = embedded(ip)
    if inner is not None and (reason_inside := special(inner)) is not None:
        return f"carries {inner}: {reason_inside}"
    if ip not in GLOBAL_UNICAST and ip not in NAT64:
        return "not global unicast, RFC 4291"
    return None


def embedded(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a transition mechanism would unwrap from ``ip``; None when there is none."""
    bits = int(ip)
    if ip in SIX_TO_FOUR:
        return IPv4Address(bits >> 80 & 0xFFFF_FFFF)
    if ip in NAT64 or bits >> 32 & 0xFFFF_FFFF in ISATAP:
        return IPv4Address(bits & 0xFFFF_FFFF)
    return None


def unreachable(ip: Address) -> bool:
    """True for what is no single host's address, so that no allow-list can mean it."""
    ip = canonical(ip)
    return ip.is_unspecified or ip.is_multicast or ip == IPv4Address("255.255.255.255")


def _ipv6(text: str) -> IPv6Address:
    if "%" in text:
        raise ValueError(f"an address with a zone is not a public one: {text!r}")
    return IPv6Address(text)


def _ipv4(parts: list[str]) -> IPv4Address:
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f"not an IPv4 address: {'.'.join(parts)!r}")
    *head, last = (_integer(part) for part in parts)
    room = 256 ** (4 - len(head))
    if any(number > 255 for number in head) or last >= room:
        raise ValueError(f"not an IPv4 address: {'.'.join(parts)!r}")
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(head)) + last)


def _integer(text: str) -> int:
    if text[:2] in ("0x", "0X"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if len(text) > 1 and text.startswith("0") else int(text)
