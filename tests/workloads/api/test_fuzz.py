"""Whatever is sent to POST /v1/downloads, the answer is a 4xx with a reason, a 200 or a 202: never a fault of ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelplane_crds.runtime import RuntimeDocument
from reelplane_workloads.api.wanted import REMEMBERED_BODY, Reader, Wanted
from reelplane_workloads.core.errors import Problem

TRICKY = st.sampled_from(
    [
        "https://a.example/",
        "http://[::1",
        "http://a.example:99999/",
        "https://\uff41.example/",
        "http://a..b/",
        "http://%00/",
        "//x",
        "http://1.2.3/",
    ]
)
URLS = TRICKY | st.text(max_size=200) | st.text(max_size=60).map(lambda text: f"https://{text}")
BODIES = st.fixed_dictionaries(
    {"url": URLS},
    optional={
        "format": st.sampled_from(["video", "audio"]) | st.text(max_size=5),
        "maxHeight": st.integers() | st.none() | st.floats(),
        "playlist": st.booleans() | st.none(),
        "more": st.text(max_size=5),
    },
)


@given(body=st.binary(max_size=400) | BODIES.map(lambda body: json.dumps(body).encode()))
@settings(max_examples=400, deadline=None)
def test_reading_a_body_gives_a_wanted_url_or_a_problem(body: bytes) -> None:
    reader = _reader()
    wanted = _outcome(lambda: reader.download(body))
    if isinstance(wanted, Wanted):
        assert len(wanted.url_key) == 32
        assert reader.download(body) is wanted or len(body) > REMEMBERED_BODY


@given(url=URLS)
@settings(max_examples=300, deadline=None)
def test_reading_an_info_url_gives_a_wanted_url_or_a_problem(url: str) -> None:
    _outcome(lambda: _reader().info(url))


@pytest.mark.usefixtures("platform")
async def test_over_the_wire_too(platform: Any) -> None:
    samples: list[bytes] = []

    @given(
        body=st.binary(max_size=300) | BODIES.map(lambda body: json.dumps(body).encode()),
        more=st.binary(max_size=40),
    )
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def collect(body: bytes, more: bytes) -> None:
        samples.append(body + (more if len(body) % 7 == 0 else b""))

    await asyncio.to_thread(collect)
    client = platform.client()
    for body in samples:
        answer: httpx.Response = await client.post(
            "/v1/downloads", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code in (200, 202, 413, 422), (body, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"


def _outcome(read: Callable[[], Wanted]) -> Wanted | None:
    """What was wanted, or None for a refusal, which must be the client's fault and say something."""
    with contextlib.suppress(Problem):
        return read()
    with pytest.raises(Problem) as refused:
        read()
    assert 400 <= refused.value.entry.status < 500
    assert refused.value.detail
    return None


def _reader() -> Reader:
    document: dict[str, Any] = {
        "platform": "t",
        "pipeline": "t",
        "workload": "api",
        "role": "api",
        "stores": {
            "cache": {"url": "unix:///x"},
            "queue": {"url": "unix:///x"},
            "database": {"url": "sqlite:////x"},
            "objects": {"kind": "folder", "root": "/x"},
        },
    }
    return Reader(RuntimeDocument.model_validate(document))
