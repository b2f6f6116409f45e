"""Media: signed links, ranges, names, and memory that does not grow with the object."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from reelplane_workloads.core.metrics import BYTES_SERVED
from tests.servers.s3 import s3_server

CONTENT = bytes(range(256)) * 40


@pytest.fixture
async def link(platform: Any, tmp_path: Path) -> str:
    key = await platform.publish(CONTENT, tmp_path)
    return str(platform.services.hits.sign(key))


async def test_a_key_redirects_to_a_signed_link_that_needs_no_credentials(
    platform: Any, tmp_path: Path
) -> None:
    client = platform.client()
    key = await platform.publish(CONTENT, tmp_path)
    for _ in range(2):  # the second is given out by the layer in front
        answer = await client.get(f"/v1/media/{key}")
        assert answer.status_code == 302
        assert (await platform.client().get(answer.headers["location"])).content == CONTENT
    wrong = await client.get(f"/v1/media/{key}", headers={"authorization": "Bearer nobody's"})
    assert wrong.status_code == 401


async def test_an_altered_link_is_refused_and_an_expired_one_says_so(
    platform: Any, link: str, tmp_path: Path
) -> None:
    client = platform.client()
    other = await platform.publish(b"other", tmp_path)
    path, _, query = link.partition("?")
    for forged in (
        f"{path}?{query}x",
        f"{path}?{query.replace('expires=1', 'expires=2')}",
        f"{path}?{query}&filename=x.mp4",
        f"/v1/media/{other}?{query}",
        f"{path}?expires=abc&signature=abc",
    ):
        answer = await client.get(forged)
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid"), forged
    key = path.removeprefix("/v1/media/")
    old = platform.services.signer.sign(key, ttl=10, now=1000)
    answer = await client.get(old)
    assert (answer.status_code, answer.json()["code"]) == (403, "signature_expired")


RANGES = [
    ("bytes=0-99", 206, slice(0, 100), "bytes 0-99/10240"),
    ("bytes=10200-", 206, slice(10200, None), "bytes 10200-10239/10240"),
    ("bytes=-10", 206, slice(-10, None), "bytes 10230-10239/10240"),
    ("bytes=0-99999", 206, slice(0, None), "bytes 0-10239/10240"),
    ("bytes=0-1,5-6", 200, slice(0, None), None),
    ("lines=1-2", 200, slice(0, None), None),
]


async def test_a_single_range_is_answered_with_that_part_and_anything_else_with_the_whole(
    platform: Any, link: str
) -> None:
    client = platform.client()
    for asked, status, part, content_range in RANGES:
        answer = await client.get(link, headers={"range": asked})
        assert answer.status_code == status, asked
        assert answer.headers.get("content-range") == content_range
        assert answer.content == CONTENT[part]
        assert answer.headers["content-length"] == str(len(CONTENT[part]))
    beyond = await client.get(link, headers={"range": "bytes=20000-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == "bytes */10240"


async def test_what_a_player_and_a_cache_need_to_know_is_in_the_headers(platform: Any, link: str) -> None:
    client = platform.client()
    answer = await client.get(link)
    tag = answer.headers["etag"]
    assert tag == f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["cache-control"].startswith("private, max-age=")
    assert "content-encoding" not in answer.headers
    head = await client.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(CONTENT))
    current = await client.get(link, headers={"if-none-match": f'"x", {tag}'})
    assert (current.status_code, current.content) == (304, b"")
    same = await client.get(link, headers={"if-range": tag, "range": "bytes=0-3"})
    other = await client.get(link, headers={"if-range": '"x"', "range": "bytes=0-3"})
    assert (same.status_code, other.status_code) == (206, 200)


async def test_a_title_becomes_a_harmless_file_name(platform: Any, tmp_path: Path) -> None:
    client = platform.client()
    job = (await client.post("/v1/downloads", json={"url": "https://video.example/1"})).json()
    title = '../../étc/pass"wd\r\nSet-Cookie: x=y'
    await platform.finish(await platform.flight_of(job["id"]), CONTENT, tmp_path, title=title)
    media = (await client.get(job["links"]["self"])).json()["media"]
    answer = await client.get(media["downloadUrl"])
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert "/" not in disposition
    assert "set-cookie" not in answer.headers
    plain = await client.get(media["url"] + "&download=1")
    assert plain.headers["content-disposition"] == 'attachment; filename="video.mp4"'


async def test_streaming_without_a_redirect_when_asked_or_configured(
    platform: Any, start: Any, document: Any, helpers: Any, tmp_path: Path
) -> None:
    key = await platform.publish(CONTENT, tmp_path)
    asked = await platform.client().get(f"/v1/media/{key}", params={"delivery": "stream", "download": "1"})
    assert (asked.status_code, asked.content) == (200, CONTENT)
    assert asked.headers["content-disposition"].startswith("attachment")
    streaming = await start(helpers.with_api(document, media_delivery="stream"))
    plain = await streaming.client().get(f"/v1/media/{key}", headers={"range": "bytes=1-2"})
    assert (plain.status_code, plain.content) == (206, CONTENT[1:3])


async def test_where_media_are_passed_through_no_link_leads_to_a_store_out_of_reach(
    start: Any, document: Any, helpers: Any, tmp_path: Path
) -> None:
    with s3_server() as server:
        stores = document.stores.model_copy(update={"objects": server.settings()})
        made = document.model_copy(update={"stores": stores})
        redirecting = await start(made)
        key = await redirecting.publish(CONTENT, tmp_path)
        assert redirecting.services.hits.sign(key).startswith(server.endpoint)
        streaming = await start(helpers.with_api(made, media_delivery="stream"))
        link = streaming.services.hits.sign(key, "name.mp4")
        assert link.startswith("/v1/media/")
        answer = await streaming.client().get(link, headers={"range": "bytes=1-2"})
        assert (answer.status_code, answer.content) == (206, CONTENT[1:3])


async def test_what_is_not_there_is_404_and_no_path_leads_elsewhere(platform: Any) -> None:
    client = platform.client()
    missing = f"{'0' * 2}/{'0' * 64}.mp4"
    for key in (missing, "..%2f..%2fdb.sqlite", "../../db.sqlite", "x", "00/" + "0" * 64 + ".mp4%00"):
        answer = await client.get(f"/v1/media/{key}", params={"delivery": "stream"})
        assert answer.status_code == 404, key
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_large_object_is_streamed_in_constant_memory_and_left_when_the_client_leaves(
    platform: Any, short_tmp: Path
) -> None:
    size = 256 * 2**20
    key = f"ab/ab{'0' * 62}.mp4"
    path = short_tmp / "objects" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        os.truncate(file.fileno(), size)
    link = platform.services.hits.sign(key)
    process = psutil.Process()
    client = platform.client()
    before, most, got = process.memory_info().rss, 0, 0
    async with client.stream("GET", link) as answer:
        async for piece in answer.aiter_raw():
            got += len(piece)
            most = max(most, process.memory_info().rss) if got % (8 * 2**20) < len(piece) else most
    assert got == size
    assert most - before < 32 * 2**20

    served = BYTES_SERVED._value.get()
    async with client.stream("GET", link) as answer:
        await anext(answer.aiter_raw())
    await asyncio.sleep(0.5)
    assert BYTES_SERVED._value.get() - served < size / 2
