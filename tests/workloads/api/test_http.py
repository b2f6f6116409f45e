"""HTTP manners: problems, methods, types, sizes, compression, headers, documentation."""

from __future__ import annotations

import gzip
import html
import json
import re
from typing import Any

import brotli
import httpx
import pytest

from reelplane_crds.runtime import RuntimeDocument
from reelplane_workloads.api import compress, schemas, views
from reelplane_workloads.api.wanted import Reader
from reelplane_workloads.core.errors import CATALOGUE, Code, Problem
from reelplane_workloads.store.model import (
    Flight,
    FlightKind,
    FlightState,
    JobView,
    Medium,
    Options,
    Priority,
)

JSON = {"content-type": "application/json"}


def assert_problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"], body.get("field")) == (status, code, field)
    assert body["type"] == f"/docs/errors#{code}"
    assert body["title"]
    assert body["detail"]
    assert body["fix"]
    assert body["instance"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ('{"url": "ftp://example.com/1"}', "unsupported_scheme", "url"),
        ('{"url": "example.com/1"}', "malformed_url", "url"),
        ('{"url": "https://"}', "malformed_url", "url"),
        ('{"url": "http://user:pw@example.com/"}', "malformed_url", "url"),
        ('{"url": "\\ud800"}', "invalid_request", None),
        ('{"url": "http://127.0.0.1/v"}', "private_address", "url"),
        ('{"url": "http://0x7f.1/v"}', "private_address", "url"),
        ('{"url": "http://2130706433/v"}', "private_address", "url"),
        ('{"url": "http://169.254.169.254/latest/meta-data"}', "private_address", "url"),
        ('{"url": "http://[::1]/v"}', "private_address", "url"),
        ('{"url": "http://[::ffff:10.0.0.1]/v"}', "private_address", "url"),
        ("{}", "invalid_request", "url"),
        ('{"url": 1}', "invalid_request", "url"),
        ('{"url": "https://example.com/1", "format": "gif"}', "invalid_request", "format"),
        ('{"url": "https://example.com/1", "maxHeight": 1}', "invalid_request", "maxHeight"),
        ('{"url": "https://example.com/1", "maxHeight": true}', "invalid_request", "maxHeight"),
        ('{"url": "https://example.com/1", "exec": "rm"}', "invalid_request", "exec"),
        ("[]", "invalid_request", None),
        ("nonsense", "invalid_request", None),
        ("", "invalid_request", None),
        ("[" * 5000, "invalid_request", None),
    ],
)
def test_a_wrong_body_is_refused_with_its_field(
    document: RuntimeDocument, body: str, code: str, field: str | None
) -> None:
    with pytest.raises(Problem) as refused:
        Reader(document).download(body.encode())
    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.entry.status == 422


async def test_a_refusal_is_a_problem_document(platform: Any) -> None:
    client = platform.client()
    for body, code in (('{"url": "ftp://example.com/1"}', "unsupported_scheme"), ("{}", "invalid_request")):
        assert_problem(await client.post("/v1/downloads", content=body, headers=JSON), 422, code, "url")


async def test_only_json_of_a_reasonable_size_is_read(platform: Any) -> None:
    client = platform.client()
    body = json.dumps({"url": "https://example.com/1"})
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonx",
        "",
    ):
        assert_problem(
            await client.post("/v1/downloads", content=body, headers={"content-type": kind}),
            415,
            "invalid_request",
        )
    with_charset = await client.post(
        "/v1/downloads", content=body, headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert with_charset.status_code == 202
    large = body + " " * 17_000
    assert_problem(await client.post("/v1/downloads", content=large, headers=JSON), 413, "invalid_request")

    async def pieces() -> Any:
        for start in range(0, len(body), 10):
            yield body[start : start + 10].encode()

    chunked = await client.post("/v1/downloads", content=pieces(), headers=JSON)
    assert chunked.status_code == 202


async def test_unknown_paths_and_methods_say_what_there_is(platform: Any) -> None:
    client = platform.client()
    assert_problem(await client.get("/nothing"), 404, "invalid_request")
    refused = await client.put("/v1/downloads")
    assert_problem(refused, 405, "invalid_request")
    assert refused.headers["allow"] == "GET, POST"
    refused = await client.post("/v1/downloads/abc")
    assert refused.headers["allow"] == "DELETE, GET"
    assert_problem(
        await client.get("/v1/downloads", params={"limit": "many"}), 422, "invalid_request", "limit"
    )


async def test_a_fault_of_ours_tells_its_id_and_nothing_else(
    platform: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(platform.services.repository, "list_jobs", broken)
    monkeypatch.setattr(platform.services.intake, "download", broken)
    client = platform.client()
    await client.get("/")
    for answer in (
        await client.get("/v1/downloads"),
        await client.post("/v1/downloads", json={"url": "https://example.com/1"}),
    ):
        assert_problem(answer, 500, "internal")
        assert "secret" not in answer.text
        assert any(getattr(record, "request", "") == answer.json()["instance"] for record in caplog.records)


async def test_text_is_compressed_as_the_client_likes_and_small_things_are_not(platform: Any) -> None:
    client = platform.client()
    for coding, decode in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        for path in ("/openapi.json", "/"):
            async with client.stream("GET", path, headers={"accept-encoding": coding}) as answer:
                raw = b"".join([piece async for piece in answer.aiter_raw()])
            assert answer.headers["content-encoding"] == coding
            assert "accept-encoding" in answer.headers["vary"]
            plain = await client.get(path, headers={"accept-encoding": "identity"})
            assert "content-encoding" not in plain.headers
            assert decode(raw) == plain.content
            assert len(raw) < len(plain.content) / 2
    small = await client.get("/healthz", headers={"accept-encoding": "br"})
    assert "content-encoding" not in small.headers


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (b"gzip, deflate, br", "br"),
        (b"gzip", "gzip"),
        (b"br;q=0, gzip", "gzip"),
        (b"*", "br"),
        (b"identity", None),
        (b"", None),
        (b"br;q=x", None),
    ],
)
def test_negotiation_follows_the_header(header: bytes, coding: str | None) -> None:
    assert compress.accepted(header) == coding


async def test_the_page_needs_nothing_from_elsewhere_and_its_files_are_kept_by_browsers(
    platform: Any,
) -> None:
    client = platform.client()
    page = await client.get("/")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    again = await client.get("/", headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304
    names = set(re.findall(r'"(/assets/[^"]+)"', page.text))
    for path in ("/docs", "/docs/errors"):
        names |= set(re.findall(r'"(/assets/[^"]+)"', (await client.get(path)).text))
    queue, seen = sorted(names), set()
    while queue:
        name = queue.pop()
        seen.add(name)
        assert re.fullmatch(r"/assets/[a-z]+\.[0-9a-f]{12}\.(js|css|svg)", name)
        asset = await client.get(name)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
        queue += set(re.findall(r'"(/assets/[^"]+)"', asset.text)) - seen
        assert "http://" not in asset.text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(src|href|url\()=?[\"']https?:", asset.text)
    assert {name.split(".")[0] for name in seen} >= {
        "/assets/app",
        "/assets/client",
        "/assets/units",
        "/assets/docs",
    }
    assert not re.search(r"(src|href)=\"https?:", page.text)
    assert not re.search(r"<script(?![^>]*src=)|style=|\son[a-z]+=\"", page.text)
    assert (await client.get("/assets/app.js")).status_code == 404


async def test_the_page_gives_its_visitor_an_id_once(platform: Any) -> None:
    client = platform.client()
    assert "set-cookie" in (await client.get("/")).headers
    assert "set-cookie" not in (await client.get("/")).headers
    answer = await client.post("/v1/downloads", json={"url": "https://example.com/1"})
    assert "set-cookie" not in answer.headers
    assert len((await client.get("/v1/downloads")).json()["jobs"]) == 1


async def test_no_other_site_may_read_or_frame_the_api(platform: Any) -> None:
    answer = await platform.client().get("/v1/status", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    preflight = await platform.client().options("/v1/downloads", headers={"origin": "https://evil.example"})
    assert preflight.status_code == 405


async def test_every_code_is_explained_on_the_page_that_types_point_to(platform: Any) -> None:
    page = (await platform.client().get("/docs/errors")).text
    for code in Code:
        assert f'id="{code.value}"' in page
        assert html.escape(CATALOGUE[code].way_out) in page


async def test_the_openapi_document_describes_every_route_and_every_error_as_a_problem(platform: Any) -> None:
    document = (await platform.client().get("/openapi.json")).json()
    assert set(document["paths"]) == {
        "/v1/downloads",
        "/v1/downloads/{job_id}",
        "/v1/downloads/{job_id}/events",
        "/v1/info",
        "/v1/media/{key}",
        "/v1/status",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert operation["description"]
            for status, response in operation["responses"].items():
                if status >= "400" and status != "503":
                    assert set(response["content"]) == {"application/problem+json"}, (
                        operation["summary"],
                        status,
                    )
    body = document["paths"]["/v1/downloads"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["schema"]["properties"]) == {"url", "format", "maxHeight", "playlist"}
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def job(state: FlightState, **changes: Any) -> JobView:
    flight = Flight(
        id="f",
        kind=FlightKind.DOWNLOAD,
        url_key="k",
        url="https://example.com/1",
        options=Options(),
        priority=Priority.NORMAL,
        state=state,
        attempt=1,
        error_code="too_large" if state is FlightState.FAILED else None,
        error_detail="900 MB",
    )
    medium = (
        Medium("i", "aa/bb.mp4", "video/mp4", 1, None, None, None, "T", "generic", "")
        if state is FlightState.DONE
        else None
    )
    return JobView(
        "j", "p", flight.url, Options(), 1.0, cancelled=False, flight=flight, medium=medium, **changes
    )


@pytest.mark.parametrize("state", list(FlightState))
def test_what_is_shown_is_what_is_documented(state: FlightState) -> None:
    sign = lambda key, name: f"/{key}?{name}"  # noqa: E731
    shown = views.job(job(state), sign, progress={"state": "running", "phase": "downloading"})
    assert set(shown) <= set(schemas.Job.model_fields)
    schemas.Job.model_validate(shown)
    assert shown["state"] == {"following": "running"}.get(state.value, state.value)


@pytest.mark.parametrize(
    ("items", "state"),
    [
        (["done", "done"], "done"),
        (["done", "failed"], "done"),
        (["done", "running"], "running"),
        (["failed", "queued"], "running"),
        (["failed", "cancelled"], "failed"),
        (["cancelled", "cancelled"], "cancelled"),
    ],
)
def test_a_playlist_is_as_far_as_its_items(items: list[str], state: str) -> None:
    parent = job(FlightState.DONE, items=tuple(job(FlightState(item)) for item in items))
    assert views.state(parent) == state
