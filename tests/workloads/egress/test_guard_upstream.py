"""Through an upstream proxy the same rules hold, and what goes wrong there is told as the proxy's failure."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from reelplane_crds.runtime import ProxyEndpoint
from reelplane_workloads.core.errors import Code
from reelplane_workloads.egress import session
from reelplane_workloads.egress.session import GuardLimits


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("login", ["", "me:se:cret"])
async def test_a_job_goes_through_its_proxy_with_credentials_from_the_file(
    kind, login, origin, egress, upstream
) -> None:
    site = await origin()
    proxy = await upstream(kind, login=login)
    credentials = site.folder / "credentials"
    credentials.write_text(f"{login}\n")
    endpoint = ProxyEndpoint(name="p1", url=proxy.url, credentials_file=credentials if login else None)
    out = await egress(allow=[site.port], upstream=endpoint)
    assert (await out.get(site.url)).endswith(b"hello")
    head, reader, writer = await out.connect(f"127.0.0.1:{site.port}")
    assert head.startswith(b"HTTP/1.1 200 ")
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"hello"), 20)).startswith(b"HTTP/1.1 200 ")
    writer.close()
    assert proxy.asked == [f"127.0.0.1:{site.port}"] * 2
    assert out.grant.problem() is None


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_the_proxy_is_given_the_judged_address_never_the_name(kind, origin, egress, upstream) -> None:
    answers = {
        "good.example": ["127.0.0.1"],
        "both.example": ["::1", "127.0.0.1"],
        "meta.example": ["169.254.169.254"],
    }

    async def resolve(host: str, port: int) -> Sequence[str]:
        return answers[host]

    site = await origin()
    proxy = await upstream(kind)
    endpoint = ProxyEndpoint(name="p1", url=proxy.url)
    out = await egress(allow=[site.port], upstream=endpoint, resolver=resolve)
    assert (await out.get(f"http://good.example:{site.port}/")).endswith(b"hello")
    assert (await out.get(f"http://both.example:{site.port}/")).startswith(b"HTTP/1.1 403 ")
    assert (await out.get("http://meta.example/")).startswith(b"HTTP/1.1 403 ")
    assert proxy.asked == [f"127.0.0.1:{site.port}"]
    assert out.grant.problem().code is Code.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("http", "refuse"), ("http", "hang"), ("http", "reset"), ("http", "garbage"), ("socks5", "hang"),
     ("socks5", "reset"), ("socks5", "garbage")],
)  # fmt: skip
async def test_a_bad_proxy_is_told_as_such_so_that_another_can_be_tried(
    kind, fault, origin, egress, upstream
) -> None:
    site = await origin()
    proxy = await upstream(kind, fault=fault)
    endpoint = ProxyEndpoint(name="bad one", url=proxy.url)
    out = await egress(allow=[site.port], upstream=endpoint, limits=GuardLimits(connect_timeout=0.5))
    assert (await out.get(site.url))[:12] in (b"HTTP/1.1 502", b"HTTP/1.1 504")
    problem = out.grant.problem()
    assert problem.code is Code.PROXY_FAILED
    assert "bad one" in problem.detail
    assert site.heads == []


async def test_a_proxy_that_is_gone_or_wants_other_credentials_is_told_as_such(
    egress, upstream, tmp_path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = ProxyEndpoint(name="gone", url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        out = await egress(allow=[1], upstream=gone)
        assert (await out.get("http://127.0.0.1:1/")).startswith(b"HTTP/1.1 502 ")
    proxy = await upstream("http", login="me:right")
    secret = tmp_path / "credentials"
    secret.write_text("me:wr0ng-secret")
    endpoint = ProxyEndpoint(name="p", url=proxy.url, credentials_file=secret)
    for wrong in (endpoint, endpoint.model_copy(update={"credentials_file": tmp_path / "missing"})):
        out = await egress(allow=[1], upstream=wrong)
        answer = await out.get("http://127.0.0.1:1/")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"wr0ng-secret" not in answer
        assert out.grant.problem().code is Code.PROXY_FAILED


async def test_a_proxy_that_takes_requests_and_never_answers_is_told_as_such(
    origin, egress, upstream, monkeypatch
) -> None:
    monkeypatch.setattr(session, "SILENCE", 0.2)
    site = await origin()
    proxy = await upstream("http", fault="swallow")
    out = await egress(allow=[site.port], upstream=ProxyEndpoint(name="hole", url=proxy.url))
    _, _, writer = await out.connect(f"127.0.0.1:{site.port}")
    writer.write(b"\x16\x03\x01")
    await asyncio.sleep(0.4)
    writer.close()
    for _ in range(200):
        if out.grant.problem() is not None:
            break
        await asyncio.sleep(0.05)
    assert out.grant.problem().code is Code.PROXY_FAILED


async def test_a_proxy_url_of_another_kind_is_a_failure_with_its_reason(egress) -> None:
    out = await egress(allow=[1], upstream=ProxyEndpoint(name="odd", url="socks4://127.0.0.1:1"))
    assert (await out.get("http://127.0.0.1:1/")).startswith(b"HTTP/1.1 502 ")
    assert "http:// or socks5://" in out.grant.problem().detail
