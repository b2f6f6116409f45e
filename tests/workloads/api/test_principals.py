"""Who somebody is, and that nobody can be somebody else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from reelplane_workloads.api.principals import Principals, parse_keys
from reelplane_workloads.core.errors import Problem

SECRET = b"s" * 32


def principals(**kwargs: Any) -> Principals:
    return Principals(**{"platform": "reels", "secret": SECRET, "anonymous": True} | kwargs)


def cookie_of(set_cookie: bytes) -> bytes:
    return set_cookie.split(b";")[0]


def test_a_cookie_that_we_gave_is_known_again_by_every_process() -> None:
    who, cookie = principals().introduce(secure=False)
    assert principals().identify(None, b"theme=dark; " + cookie_of(cookie) + b"; x=y") == who


def test_a_forged_or_foreign_cookie_is_nobody() -> None:
    _, cookie = principals().introduce(secure=False)
    value = cookie_of(cookie)
    flipped = value[:-1] + (b"A" if value[-1:] != b"A" else b"B")
    other_platform = value.replace(b"reelplane-reels=", b"reelplane-other=")
    for forged in (
        flipped,
        value[:-4],
        value.replace(b".", b""),
        b"reelplane-reels=",
        other_platform,
        b"\xff\xfe=;;",
    ):
        assert principals().identify(None, forged) is None
    assert principals(secret=b"t" * 32).identify(None, value) is None
    assert principals(platform="other").identify(None, value) is None


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    _, plain = principals().introduce(secure=False)
    _, secure = principals().introduce(secure=True)
    for flag in (b"HttpOnly", b"SameSite=Lax", b"Path=/", b"Max-Age=31536000"):
        assert flag in plain
        assert flag in secure
    assert b"Secure" in secure
    assert b"Secure" not in plain


def test_api_keys_are_compared_by_hash_and_reloaded_when_the_file_changes(tmp_path: Path) -> None:
    clock = [0.0]
    keys = tmp_path / "keys"
    keys.write_text(f"# people\nalice {hashlib.sha256(b'one').hexdigest()}\n")
    who = principals(keys_file=keys, clock=lambda: clock[0])
    assert who.identify(b"Bearer one", None) == "key:alice"
    with pytest.raises(Problem, match="unauthorized"):
        who.identify(b"Bearer two", None)
    keys.write_text(f"bob {hashlib.sha256(b'two').hexdigest()}\n")
    os.utime(keys, ns=(1, 1))
    clock[0] += 2
    assert who.identify(b"bearer two", None) == "key:bob"
    with pytest.raises(Problem):
        who.identify(b"Bearer one", None)
    keys.write_text("broken line\n")
    clock[0] += 2
    assert who.identify(b"Bearer two", None) == "key:bob"


def test_without_anonymous_clients_a_key_is_needed() -> None:
    strict = principals(anonymous=False)
    _, cookie = principals().introduce(secure=False)
    for authorization in (None, b"Basic YTpi", b"Bearer ", b"Bearer x"):
        with pytest.raises(Problem, match="unauthorized"):
            strict.identify(authorization, cookie_of(cookie))


def test_a_broken_key_file_is_named_with_its_line() -> None:
    with pytest.raises(ValueError, match="keys:2"):
        parse_keys(f"a {'0' * 64}\nb 123\n", "keys")


async def test_without_a_key_every_route_answers_401(
    start: Any, document: Any, helpers: Any, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice {hashlib.sha256(b'one').hexdigest()}\n")
    platform = await start(helpers.with_api(document, anonymous=False, api_keys_file=keys))
    stranger, alice = platform.client(), platform.client(headers={"authorization": "Bearer one"})
    key = await platform.publish(b"x", tmp_path)
    video = {"url": "https://video.example/1"}
    for answer in (
        await stranger.post("/v1/downloads", json=video),
        await stranger.get("/v1/downloads"),
        await stranger.get("/v1/downloads/abc"),
        await stranger.get("/v1/info", params=video),
        await stranger.get(f"/v1/media/{key}"),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "unauthorized"
    job = await alice.post("/v1/downloads", json=video)
    assert job.status_code == 202
    assert "set-cookie" not in job.headers
    assert (await alice.get(job.headers["location"])).status_code == 200
    link = (await alice.get(f"/v1/media/{key}")).headers["location"]
    assert (await alice.get(f"/v1/media/{key}")).status_code == 302
    assert (await stranger.get(f"/v1/media/{key}")).status_code == 401
    assert (await stranger.get(link)).content == b"x"
