"""GET /v1/info: cached, limited, waited for."""

from __future__ import annotations

import asyncio
from typing import Any

from reelplane_workloads.core.errors import Code
from reelplane_workloads.store.model import FlightKind, Priority

URL = {"url": "https://video.example/watch?v=1"}


async def test_an_unknown_url_is_extracted_once_for_all_who_ask_and_before_downloads(platform: Any) -> None:
    clients = [platform.client() for _ in range(3)]
    asking = [asyncio.create_task(client.get("/v1/info", params=URL)) for client in clients]
    flight = await platform.next_flight(FlightKind.INFO)
    queued = (await platform.services.repository.sweep()).dispatch
    assert [one.priority for one in queued] == [Priority.HIGH]
    await platform.finish_info(flight, {"title": "T", "duration": 3})
    answers = await asyncio.gather(*asking)
    assert [answer.json() for answer in answers] == [{"title": "T", "duration": 3}] * 3
    assert (await clients[0].get("/v1/downloads")).json() == {"jobs": []}


async def test_it_is_cached_in_the_process_in_valkey_and_in_the_database(
    platform: Any, valkey: Any, start: Any, document: Any
) -> None:
    asking = asyncio.create_task(platform.client().get("/v1/info", params=URL))
    await platform.finish_info(await platform.next_flight(FlightKind.INFO), {"title": "T"})
    await asking
    second = await start(document)
    assert (await second.client().get("/v1/info", params=URL)).json() == {"title": "T"}
    valkey.stop()
    assert (await platform.client().get("/v1/info", params=URL)).json() == {"title": "T"}
    valkey.wipe()
    third = await start(document)
    assert (await third.client().get("/v1/info", params=URL)).json() == {"title": "T"}


async def test_what_takes_too_long_becomes_a_job_of_the_client(
    start: Any, document: Any, helpers: Any
) -> None:
    platform = await start(helpers.with_api(document, info_wait=1))
    client = platform.client()
    answer = await client.get("/v1/info", params=URL)
    assert answer.status_code == 202
    await platform.finish_info(await platform.next_flight(FlightKind.INFO), {"title": "T"})
    job = (await client.get(answer.headers["location"])).json()
    assert (job["kind"], job["state"], job["info"]) == ("info", "done", {"title": "T"})
    assert (await client.get("/v1/info", params=URL)).json() == {"title": "T"}


async def test_a_failure_is_the_answer_and_remembered(platform: Any) -> None:
    client = platform.client()
    asking = asyncio.create_task(client.get("/v1/info", params=URL))
    await platform.fail(await platform.next_flight(FlightKind.INFO), Code.GEO_BLOCKED, "only in Norway")
    answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (422, "geo_blocked")
    again = await platform.client().get("/v1/info", params=URL)
    assert (again.status_code, again.json()["detail"]) == (422, "only in Norway")
    assert int(again.headers["retry-after"]) > 0


async def test_wrong_urls_are_refused_with_the_field(platform: Any) -> None:
    client = platform.client()
    for params, code in (
        ({"url": "ftp://video.example/1"}, "unsupported_scheme"),
        ({"url": "nonsense"}, "malformed_url"),
        ({"url": "http://127.0.0.1/1"}, "private_address"),
        ({}, "invalid_request"),
    ):
        answer = await client.get("/v1/info", params=params)
        assert answer.status_code == 422, params
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["code"], answer.json()["field"]) == (code, "url")
