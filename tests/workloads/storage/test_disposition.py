"""Promises about titles: whatever a stranger named a video, the header stays one header and the file harmless."""

from __future__ import annotations

import email.message
import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelplane_workloads.storage.disposition import MAX_BYTES, content_disposition, safe_filename


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Holiday.mp4", "Holiday.mp4"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ('say "hi".mp4', "say _hi_.mp4"),
        ("a\r\nSet-Cookie: x=1.mp4", "a Set-Cookie_ x=1.mp4"),
        ("photo\u202e4pm.exe", "photo4pm.exe"),
        (".bashrc", "bashrc"),
        ("-rf.mp4", "rf.mp4"),
        ("CON.mp4", "_CON.mp4"),
        ("lpt1", "_lpt1"),
        ("100%25.mp4", "100_25.mp4"),
        ("", "video"),
        ("...", "video"),
        ("///.mp4", "___.mp4"[2:]),
        ("  spaced \t out .mp4 ", "spaced out .mp4"),
        ("e\u0301te\u0301.webm", "\u00e9t\u00e9.webm"),
        ("nul\0byte\x7f.mp4", "nulbyte.mp4"),
        ("lone \ud800 surrogate.mp4", "lone surrogate.mp4"),
    ],
)
def test_known_tricks_are_disarmed(title: str, name: str) -> None:
    assert safe_filename(title) == name


def test_a_long_title_keeps_its_extension() -> None:
    name = safe_filename("\u6f22" * 500 + ".webm")
    assert name.endswith("\u6f22.webm")
    assert len(name.encode()) <= MAX_BYTES


@given(st.text())
def test_every_title_becomes_one_harmless_path_component(title: str) -> None:
    name = safe_filename(title)
    assert name
    assert len(name.encode()) <= MAX_BYTES
    assert not re.search(r'[\x00-\x1f\x7f/\\:*?"<>|%]', name)
    assert name[0] not in ".- "
    assert safe_filename(name) == name


@given(st.text(), st.booleans())
def test_the_header_is_ascii_and_says_the_name_back(title: str, inline: bool) -> None:
    value = content_disposition(title, inline=inline)
    assert re.fullmatch(r"[\x20-\x7e]+", value)
    parsed = email.message.Message()
    parsed["Content-Disposition"] = value
    assert parsed.get_content_disposition() == ("inline" if inline else "attachment")
    assert value.count('"') == 2
    extended = re.search(r"filename\*=UTF-8''([^;]*)$", value)
    if extended:
        assert parsed.get_filename() is not None
        assert unquote(extended.group(1)) == safe_filename(title)
    else:
        assert parsed.get_filename() == safe_filename(title)


def test_a_name_beyond_ascii_is_sent_in_both_forms() -> None:
    assert (
        content_disposition("na\u00efve \u20ac.mp4", inline=False)
        == "attachment; filename=\"na_ve _.mp4\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.mp4"
    )


def test_without_a_name_only_the_manner_is_said() -> None:
    assert content_disposition(None, inline=True) == "inline"
    assert content_disposition(None, inline=False) == "attachment"
