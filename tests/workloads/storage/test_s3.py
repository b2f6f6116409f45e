"""Promises of the bucket, shown against a server that verifies signatures and expiry."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.storage.objects import open_objects
from reelplane_workloads.storage.s3 import S3Store
from reelplane_workloads.storage.signing import UrlSigner

Made = Callable[[bytes], tuple[Path, str]]
pytestmark = pytest.mark.service


@pytest.fixture
def store(s3: Any) -> S3Store:
    return S3Store(s3.settings())


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, headers=headers)


async def test_the_document_opens_the_bucket(s3: Any, signer: UrlSigner, made: Made) -> None:
    path, key = made(b"by document")
    objects = open_objects(s3.settings(prefix="/a/b/"), signer)
    await objects.publish(path, key, "video/mp4")
    assert (s3.data / "media" / "a" / "b" / key).read_bytes() == b"by document"
    assert (await get(objects.sign(key, ttl=60, now=time.time()))).content == b"by document"


async def test_a_large_object_goes_up_in_parts_and_leaves_none(s3: Any, store: S3Store, made: Made) -> None:
    content = os.urandom(2**20) * 70
    path, key = made(content)
    await store.publish(path, key, "video/mp4")
    assert await s3.without_parts()
    head = await store.head(key)
    assert head is not None
    assert head.size == len(content)
    got = [piece async for piece in store.stream(key, 16 * 2**20 - 3, 40 * 2**20 + 3)]
    assert b"".join(got) == content[16 * 2**20 - 3 : 40 * 2**20 + 3]


async def test_a_presigned_link_plays_seeks_and_saves(store: S3Store, made: Made) -> None:
    path, key = made(b"0123456789" * 100)
    await store.publish(path, key, "video/mp4")
    played = await get(store.sign(key, ttl=60, now=time.time()), Range="bytes=5-14")
    assert played.status_code == 206
    assert played.content == b"5678901234"
    assert played.headers["content-type"] == "video/mp4"
    assert played.headers["content-disposition"] == "inline"
    assert "immutable" in played.headers["cache-control"]
    saved = await get(store.sign(key, ttl=60, filename='a "b"/ü +&=.mp4', now=time.time()))
    assert saved.status_code == 200
    assert saved.headers["content-disposition"].startswith("attachment; filename=")
    assert saved.headers["content-disposition"].endswith("filename*=UTF-8''a%20_b_%C3%BC%20%2B%26%3D.mp4")


async def test_an_expired_link_is_refused(store: S3Store, made: Made) -> None:
    path, key = made(b"soon gone")
    await store.publish(path, key, "video/mp4")
    url = store.sign(key, ttl=1, now=time.time())
    await asyncio.sleep(2.1)
    refused = await get(url)
    assert refused.status_code == 403
    assert b"soon gone" not in refused.content


@pytest.mark.parametrize("field", ["X-Amz-Signature", "X-Amz-Expires", "response-content-disposition"])
async def test_an_altered_link_is_refused(store: S3Store, made: Made, field: str) -> None:
    path, key = made(b"secret")
    await store.publish(path, key, "video/mp4")
    url = urlsplit(store.sign(key, ttl=60, filename="a.mp4", now=time.time()))
    query = dict(parse_qsl(url.query))
    query[field] = {"X-Amz-Signature": "0" * 64, "X-Amz-Expires": "3600"}.get(field, "inline")
    refused = await get(url._replace(query=urlencode(query)).geturl())
    assert refused.status_code == 403


async def test_a_link_to_one_object_opens_no_other(store: S3Store, made: Made) -> None:
    first, first_key = made(b"mine")
    second, second_key = made(b"theirs")
    await store.publish(first, first_key, "video/mp4")
    await store.publish(second, second_key, "video/mp4")
    url = store.sign(first_key, ttl=60, now=time.time()).replace(first_key, second_key)
    assert (await get(url)).status_code == 403


@pytest.mark.parametrize("wrong", ["secret_key_file", "access_key_file"])
async def test_wrong_credentials_are_told_apart_from_a_missing_object(
    s3: Any, made: Made, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "wrong").write_text("wrong-credential")
    store = S3Store(s3.settings(**{wrong: tmp_path / "wrong"}))
    path, key = made(b"x")
    with pytest.raises(Problem) as caught:
        await store.publish(path, key, "video/mp4")
    assert caught.value.code is Code.UNAVAILABLE
    assert "'media'" in caught.value.detail
    assert "credentials" in caught.value.detail or "access key" in caught.value.detail
    assert caught.value.way_out is not None
    assert "wrong-credential" not in caught.value.detail


async def test_a_missing_bucket_is_named(s3: Any, made: Made) -> None:
    path, key = made(b"x")
    with pytest.raises(Problem, match="'nowhere'") as caught:
        await S3Store(s3.settings(bucket="nowhere")).publish(path, key, "video/mp4")
    assert caught.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_an_unreadable_credential_file_is_named(s3: Any, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "credential"
    if text is not None:
        file.write_text(text)
    with pytest.raises(Problem) as caught:
        S3Store(s3.settings(secret_key_file=file))
    assert str(file) in caught.value.detail


def test_half_a_pair_of_credentials_is_refused(s3: Any) -> None:
    with pytest.raises(Problem, match="both or neither"):
        S3Store(s3.settings(secret_key_file=None))


async def test_a_transfer_cut_off_leaves_nothing_visible(s3: Any, cut_off: Any, made: Made) -> None:
    path, key = made(os.urandom(2**20) * 70)
    proxy = cut_off(s3.port, limit=40 * 2**20)
    store = S3Store(s3.settings(endpoint=f"http://127.0.0.1:{await proxy.start()}"))
    with pytest.raises(Problem) as caught:
        await store.publish(path, key, "video/mp4")
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.transient
    assert proxy.cut.is_set()
    await proxy.stop()
    assert await S3Store(s3.settings()).head(key) is None


async def test_a_server_killed_in_the_middle_has_nothing_and_then_all(
    own_s3: Any, cut_off: Any, made: Made
) -> None:
    content = os.urandom(2**20) * 70
    path, key = made(content)
    proxy = cut_off(own_s3.port, limit=40 * 2**20)
    store = S3Store(own_s3.settings(endpoint=f"http://127.0.0.1:{await proxy.start()}"))
    upload = asyncio.create_task(store.publish(path, key, "video/mp4"))
    await proxy.cut.wait()
    own_s3.stop()
    with pytest.raises(Problem):
        await upload
    await proxy.stop()
    own_s3.start()
    again = S3Store(own_s3.settings())
    assert await again.head(key) is None
    await again.publish(path, key, "video/mp4")
    head = await again.head(key)
    assert head is not None
    assert head.size == len(content)


async def test_a_cancelled_publish_leaves_no_parts_behind(s3: Any, store: S3Store, made: Made) -> None:
    path, key = made(os.urandom(2**20) * 70)
    upload = asyncio.create_task(store.publish(path, key, "video/mp4"))
    while not s3.parts() and not upload.done():  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.001)
    assert not upload.done()
    upload.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await upload
    await store.close()
    assert await s3.without_parts()


async def test_an_upload_that_fails_leaves_no_parts_behind(s3: Any, cut_off: Any, made: Made) -> None:
    path, key = made(os.urandom(2**20) * 70)
    proxy = cut_off(s3.port, word=b"partNumber=4&")
    store = S3Store(s3.settings(endpoint=f"http://127.0.0.1:{await proxy.start()}"))
    with pytest.raises(Problem):
        await store.publish(path, key, "video/mp4")
    await store.close()
    await proxy.stop()
    assert proxy.cut.is_set()
    assert await S3Store(s3.settings()).head(key) is None
    assert await s3.without_parts()


async def test_an_unreachable_server_is_a_passing_fault(made: Made, s3: Any) -> None:
    _, key = made(b"x")
    with pytest.raises(Problem) as caught:
        await S3Store(s3.settings(endpoint="http://127.0.0.1:9")).head(key)
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_a_stream_from_the_bucket_has_constant_memory(s3: Any) -> None:
    script = """
import asyncio, re, sys
from pathlib import Path
from reelplane_crds.runtime import S3Objects
from reelplane_workloads.storage.s3 import S3Store
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1))
settings, key, size = S3Objects.model_validate_json(sys.argv[1]), sys.argv[2], int(sys.argv[3])
async def main():
    store = S3Store(settings)
    async for _ in store.stream(key, 0, 16 * 2**20): pass
    before, total = peak(), 0
    async for piece in store.stream(key, 0, size): total += len(piece)
    print(total, peak() - before)
    await store.close()
asyncio.run(main())
"""
    key, size = "ab/" + "ab" * 32 + ".mp4", 400 * 2**20
    target = s3.data / "media" / key
    target.parent.mkdir()
    with target.open("wb") as file:
        file.truncate(size)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, s3.settings().model_dump_json(), key, str(size)],
        capture_output=True,
        text=True,
        check=True,
    )
    total, growth_kib = map(int, done.stdout.split())
    assert total == size
    assert growth_kib < 16 * 1024
