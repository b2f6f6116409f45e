"""Spellings of one URL share a key; two videos never do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.core.keys import (
    GLOBALLY_UNIQUE_IDS,
    identity_key,
    jar_for,
    literal_address,
    normalise,
    url_key,
    variant_of,
)
from reelplane_workloads.store.model import FlightKind, Options

CANONICAL = "https://www.example.com/watch?list=2&v=1"


@pytest.mark.parametrize(
    "spelling",
    [
        "https://www.example.com/watch?v=1&list=2",
        "HTTPS://WWW.Example.COM:443/watch?list=2&v=1#t=30",
        "  https://www.example.com./a/../watch?v=1&utm_source=x&list=2&fbclid=y ",
        "https://www.example.com/%77atch?v=1&list=2&UTM_Medium=z",
    ],
)
def test_spellings_of_one_url_meet(spelling: str) -> None:
    assert normalise(spelling) == CANONICAL


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/v?id=1", "https://a.example/v?id=2"),
        ("https://a.example/V", "https://a.example/v"),
        ("https://a.example/v?a=1&a=2", "https://a.example/v?a=2&a=1"),
        ("https://a.example/v", "http://a.example/v"),
        ("https://a.example/v", "https://a.example:8443/v"),
        ("https://a.example/#!/v1", "https://a.example/#!/v2"),
        ("https://a.example/a%2Fb", "https://a.example/a/b"),
        ("https://a.example/v?t=1", "https://a.example/v?t=2"),
    ],
)
def test_urls_that_may_differ_stay_apart(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_tracking_parameters_are_dropped_only_where_they_are_tracking() -> None:
    assert normalise("https://youtu.be/abc?si=x") == normalise("https://youtu.be/abc")
    assert normalise("https://a.example/abc?si=x") != normalise("https://a.example/abc")


@pytest.mark.parametrize(
    "spelling",
    [
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1",
        "127\u30020\u30020\u3002\u2460",
        "\uff11\uff12\uff17.1",
    ],
)
def test_numeric_hosts_are_seen_for_the_address_they_are(spelling: str) -> None:
    assert str(literal_address(normalise(f"http://{spelling}/v"))) == "127.0.0.1"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", Code.MALFORMED_URL),
        ("example.com/v", Code.MALFORMED_URL),
        ("https://", Code.MALFORMED_URL),
        ("https://user:pw@example.com/", Code.MALFORMED_URL),
        ("https://exa mple.com/", Code.MALFORMED_URL),
        ("https://example.com/\r\nX: y", Code.MALFORMED_URL),
        ("https://example.com\\@evil.example/", Code.MALFORMED_URL),
        ("https://example.com:99999/", Code.MALFORMED_URL),
        ("https://[::1/", Code.MALFORMED_URL),
        ("https://example.com/" + "a" * 3000, Code.MALFORMED_URL),
        ("https://example.com/#__youtubedl_smuggle=%7B%7D", Code.MALFORMED_URL),
        ("ftp://example.com/v", Code.UNSUPPORTED_SCHEME),
        ("file:///etc/passwd", Code.UNSUPPORTED_SCHEME),
        ("javascript:alert(1)", Code.UNSUPPORTED_SCHEME),
    ],
)
def test_what_is_no_web_url_is_refused_with_code_and_field(url: str, code: Code) -> None:
    with pytest.raises(Problem) as caught:
        normalise(url)
    assert (caught.value.code, caught.value.field) == (code, "url")


@given(st.text(max_size=60))
def test_any_text_is_normalised_or_refused_and_never_fails_otherwise(text: str) -> None:
    for candidate in (text, f"https://{text}", f"https://h.example/{text}"):
        try:
            once = normalise(candidate)
        except Problem:
            continue
        assert normalise(once) == once


def test_the_key_depends_on_all_that_changes_the_answer() -> None:
    base = Options()
    keys = {
        url_key(kind, url, options, variant=variant)
        for kind in FlightKind
        for url in ("https://a.example/1", "https://a.example/2")
        for options in (
            base,
            Options(format="audio"),
            Options(max_height=480),
            Options(playlist=True),
            Options(item=1),
        )
        for variant in ("", variant_of(country="DE", jar=""), variant_of(country=None, jar="a.example"))
    }
    assert len(keys) == 2 * 2 * 5 * 3


def test_an_id_that_is_not_globally_unique_never_joins_two_urls() -> None:
    first = identity_key("Generic", "clip", Options(), url_key="1" * 32)
    second = identity_key("Generic", "clip", Options(), url_key="2" * 32)
    assert first != second


def test_urls_of_one_video_meet_where_the_sites_ids_are_unique() -> None:
    assert "youtube" in GLOBALLY_UNIQUE_IDS
    first = identity_key("Youtube", "abc", Options(), url_key="1" * 32)
    assert first == identity_key("Youtube", "abc", Options(), url_key="2" * 32)
    assert first != identity_key("Youtube", "abc", Options(format="audio"), url_key="1" * 32)
    assert first != identity_key("Youtube", "abc", Options(), url_key="1" * 32, variant="DE/")
    assert first != identity_key("Youtube", "", Options(), url_key="1" * 32)


def test_a_cookie_jar_serves_its_site_and_no_lookalike() -> None:
    jars = ["example.com", "video.example.com"]
    assert jar_for("www.example.com", jars) == "example.com"
    assert jar_for("a.video.example.com", jars) == "video.example.com"
    assert jar_for("badexample.com", jars) == ""
