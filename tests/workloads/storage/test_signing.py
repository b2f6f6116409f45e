"""Promises about links: only those that were given out work, only until they expire, and they are cheap to repeat."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.storage.objects import object_key
from reelplane_workloads.storage.signing import MEMO_ENTRIES, REUSE, UrlMemo, UrlSigner

SECRET = b"s" * 32
KEY = object_key("ab" * 32, "mp4")
NOW = 1_800_000_000.5


def parts(url: str) -> dict[str, str]:
    """What the API takes from a link: the path's key and the decoded query."""
    split = urlsplit(url)
    assert split.path.startswith("/v1/media/")
    query = {name: values[0] for name, values in parse_qs(split.query, strict_parsing=True).items()}
    return query | {"key": split.path.removeprefix("/v1/media/")}


def verify(link: dict[str, str], now: float, secret: bytes = SECRET) -> None:
    UrlSigner(secret).verify(
        link["key"],
        expires=link.get("expires", ""),
        signature=link.get("signature", ""),
        filename=link.get("filename"),
        now=now,
    )


def code_of(link: dict[str, str], now: float, secret: bytes = SECRET) -> Code:
    with pytest.raises(Problem) as caught:
        verify(link, now, secret)
    return caught.value.code


@given(st.none() | st.text(), st.integers(1, 10**6))
def test_a_link_works_until_it_expires(filename: str | None, ttl: int) -> None:
    link = parts(UrlSigner(SECRET).sign(KEY, ttl=ttl, filename=filename, now=NOW))
    verify(link, NOW)
    verify(link, NOW + ttl - 1)
    assert code_of(link, NOW + ttl) is Code.SIGNATURE_EXPIRED


@pytest.mark.parametrize(
    "change",
    [
        {"key": object_key("cd" * 32, "mp4")},
        {"key": KEY.replace("mp4", "mkv")},
        {"expires": "9999999999"},
        {"expires": ""},
        {"expires": "1800003600 "},
        {"filename": "other.exe"},
        {"filename": ""},
        {"signature": ""},
        {"signature": "A" * 43},
        {"signature": "ä\ud800"},
    ],
)
def test_an_altered_link_is_refused(change: dict[str, str]) -> None:
    link = parts(UrlSigner(SECRET).sign(KEY, ttl=3600, filename="a.mp4", now=NOW))
    assert code_of(link | change, NOW) is Code.SIGNATURE_INVALID


def test_a_forged_link_is_not_told_that_it_expired() -> None:
    link = parts(UrlSigner(SECRET).sign(KEY, ttl=10, now=NOW)) | {"signature": "B" * 43}
    assert code_of(link, NOW + 1000) is Code.SIGNATURE_INVALID


def test_moving_text_between_the_signed_fields_is_refused() -> None:
    link = parts(UrlSigner(SECRET).sign(KEY, ttl=3600, filename="1.mp4", now=NOW))
    moved = link | {"key": f"{KEY}\n{link['expires']}", "expires": "1.mp4", "filename": ""}
    assert code_of(moved, NOW) is Code.SIGNATURE_INVALID


def test_another_platforms_links_are_refused() -> None:
    link = parts(UrlSigner(b"t" * 32).sign(KEY, ttl=3600, now=NOW))
    assert code_of(link, NOW) is Code.SIGNATURE_INVALID


def test_every_bit_of_the_signature_counts() -> None:
    link = parts(UrlSigner(SECRET).sign(KEY, ttl=3600, now=NOW))
    for at in range(len(link["signature"])):
        flipped = "A" if link["signature"][at] != "A" else "B"
        forged = link["signature"][:at] + flipped + link["signature"][at + 1 :]
        assert code_of(link | {"signature": forged}, NOW) is Code.SIGNATURE_INVALID


def test_a_short_signing_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        UrlSigner(b"short")


def memo(signer: UrlSigner) -> UrlMemo:
    return UrlMemo(lambda key, ttl, name, at: signer.sign(key, ttl=ttl, filename=name, now=at))


@given(ttl=st.integers(1, 10**5), now=st.floats(0, 4e9))
def test_a_reused_link_keeps_most_of_its_lifetime_and_never_more(ttl: int, now: float) -> None:
    url = memo(UrlSigner(SECRET)).sign_cached(KEY, ttl, None, now)
    left = int(parts(url)["expires"]) - now
    assert ttl - max(1, min(REUSE, ttl / 4)) - 1 <= left <= ttl


def test_processes_hand_out_one_link_and_renew_it() -> None:
    one, other = memo(UrlSigner(SECRET)), memo(UrlSigner(SECRET))
    start = NOW // REUSE * REUSE
    url = one.sign_cached(KEY, 3600, "a.mp4", start)
    assert other.sign_cached(KEY, 3600, "a.mp4", start + REUSE - 1) == url
    assert one.sign_cached(KEY, 3600, "a.mp4", start + REUSE) != url
    assert one.sign_cached(KEY, 3600, "b.mp4", start) != url


def test_a_link_is_signed_once_per_period_and_memory_is_bounded() -> None:
    signed: list[str] = []

    def sign(key: str, ttl: int, filename: str | None, issued_at: int) -> str:
        signed.append(key)
        return f"{key}?{issued_at + ttl}"

    links = UrlMemo(sign)
    for _ in range(1000):
        links.sign_cached(KEY, 3600, None, NOW)
    assert signed == [KEY]
    for number in range(3 * MEMO_ENTRIES):
        links.sign_cached(str(number), 3600, None, NOW)
        assert len(links._urls) <= MEMO_ENTRIES
