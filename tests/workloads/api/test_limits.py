"""Budgets: who pays, for what, and what a client is told."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from reelplane_crds.runtime import Rate
from reelplane_workloads.cache import Miss

VIDEO = "https://video.example/watch?v="
SLOW = Rate(count=3, per=3600)


@pytest.fixture
async def limited(start: Any, document: Any, helpers: Any) -> Any:
    return await start(helpers.with_api(document, download_rate=SLOW, info_rate=SLOW))


async def test_new_work_is_limited_and_the_client_is_told_its_budget(limited: Any) -> None:
    client = limited.client()
    for left in (2, 1, 0):
        answer = await client.post("/v1/downloads", json={"url": f"{VIDEO}{left}"})
        assert answer.status_code == 202
        assert answer.headers["ratelimit-policy"] == '"download";q=3;w=3600'
        assert re.fullmatch(rf'"download";r={left};t=\d+', answer.headers["ratelimit"])
    refused = await client.post("/v1/downloads", json={"url": VIDEO + "new"})
    assert refused.status_code == 429
    assert refused.json()["code"] == "rate_limited"
    wait = int(refused.headers["retry-after"])
    assert 0 < wait <= 1200
    assert refused.headers["ratelimit"] == f'"download";r=0;t={wait}'
    assert (await limited.services.repository.backlog()).waiting == 3


async def test_a_new_cookie_is_no_new_budget(limited: Any) -> None:
    for n in range(3):
        assert (await limited.client().post("/v1/downloads", json={"url": f"{VIDEO}{n}"})).status_code == 202
    assert (await limited.client().post("/v1/downloads", json={"url": VIDEO + "x"})).status_code == 429


async def test_hits_and_followers_cost_nothing(limited: Any, tmp_path: Path) -> None:
    client = limited.client()
    job = (await client.post("/v1/downloads", json={"url": VIDEO + "1"})).json()
    for _ in range(5):
        assert (await limited.client().post("/v1/downloads", json={"url": VIDEO + "1"})).status_code == 202
    await limited.finish(await limited.flight_of(job["id"]), b"x", tmp_path)
    for _ in range(5):
        assert (await client.post("/v1/downloads", json={"url": VIDEO + "1"})).status_code == 200
    left = await client.post("/v1/downloads", json={"url": VIDEO + "2"})
    assert left.headers["ratelimit"].startswith('"download";r=1;')


async def test_what_only_the_database_knows_costs_nothing_either(
    limited: Any, start: Any, document: Any, helpers: Any, tmp_path: Path
) -> None:
    client = limited.client()
    for n in (1, 2):
        job = (await client.post("/v1/downloads", json={"url": f"{VIDEO}{n}"})).json()
        if n == 1:
            await limited.finish(await limited.flight_of(job["id"]), b"x", tmp_path)
    fresh = await start(helpers.with_api(document, download_rate=SLOW))
    for _ in range(3):
        await fresh.forget(VIDEO + "1", VIDEO + "2")
        fresh.services.hits._by_key.clear()
        assert (await client.post("/v1/downloads", json={"url": VIDEO + "2"})).status_code == 202
        answer = await fresh.client().post("/v1/downloads", json={"url": VIDEO + "1"})
        assert answer.status_code == 200
    last = await client.post("/v1/downloads", json={"url": VIDEO + "3"})
    assert last.headers["ratelimit"].startswith('"download";r=0;')


async def test_an_api_key_has_a_budget_of_its_own(
    start: Any, document: Any, helpers: Any, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice {hashlib.sha256(b'one').hexdigest()}\nbob {hashlib.sha256(b'two').hexdigest()}\n")
    platform = await start(
        helpers.with_api(document, download_rate=Rate(count=1, per=3600), api_keys_file=keys)
    )
    for key in ("one", "two"):
        client = platform.client(headers={"authorization": f"Bearer {key}"})
        assert (await client.post("/v1/downloads", json={"url": VIDEO + key})).status_code == 202
        assert (await client.post("/v1/downloads", json={"url": VIDEO + key + "2"})).status_code == 429


async def test_the_address_is_believed_from_declared_proxies_only(
    start: Any, document: Any, helpers: Any
) -> None:
    one = Rate(count=1, per=3600)
    open_to_lies = await start(helpers.with_api(document, download_rate=one))
    headers = [{"x-forwarded-for": f"203.0.113.{n}"} for n in (1, 2)]
    client = open_to_lies.client()
    codes = [
        (await client.post("/v1/downloads", json={"url": VIDEO + f"a{n}"}, headers=h)).status_code
        for n, h in enumerate(headers)
    ]
    assert codes == [202, 429]
    behind = await start(helpers.with_api(document, download_rate=one, trusted_proxies=("127.0.0.0/8",)))
    client = behind.client()
    codes = [
        (await client.post("/v1/downloads", json={"url": VIDEO + f"b{n}"}, headers=h)).status_code
        for n, h in enumerate(headers)
    ]
    assert codes == [202, 202]


async def test_info_has_a_budget_apart_and_cached_answers_cost_none_of_it(limited: Any) -> None:
    client = limited.client()
    url = VIDEO + "info"
    key = limited.services.reader.info(url).url_key
    await limited.services.cache.put_info(key, {"title": "T"})
    for _ in range(5):
        assert (await client.get("/v1/info", params={"url": url})).json() == {"title": "T"}
    for n in range(3):
        assert (await client.post("/v1/downloads", json={"url": f"{VIDEO}{n}"})).status_code == 202
    rate = limited.services.settings.info_rate
    seen = await limited.services.cache.lookup("0" * 32, "info:127.0.0.1", rate)
    assert isinstance(seen, Miss)
    assert seen.remaining == 2
