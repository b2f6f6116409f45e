"""No request, redirect or change of name server's mind leads to an address that is not allowed."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Sequence

import httpx
import pytest

from reelplane_crds.runtime import EgressSettings, OriginAllow
from reelplane_workloads.core.errors import Code
from reelplane_workloads.egress.session import Resolver


def answering(*answers: Sequence[str]) -> tuple[Resolver, list[str]]:
    """A name server that gives one answer after the other, the last one for ever; and who asked."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0", "[::]",
        "localhost", "LOCALHOST.", "10.0.0.1", "169.254.169.254", "0xa9fea9fe", "[fd00:ec2::254]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "[fe80::1]", "100.64.0.1", "192.168.1.1", "255.255.255.255", "224.0.0.1",
    ],
)  # fmt: skip
async def test_a_private_address_is_refused_however_it_is_spelled(host: str, egress) -> None:
    out = await egress()
    plain = await out.get(f"http://{host}/")
    tunnel, _, writer = await out.connect(f"{host}:443")
    writer.close()
    for answer in (plain, tunnel):
        assert answer.startswith(b"HTTP/1.1 403 "), answer
        assert b"Proxy-Status: reelplane; error=destination_ip_prohibited" in answer
    assert out.grant.last_refusal.code is Code.PRIVATE_ADDRESS
    assert out.grant.problem().code is Code.PRIVATE_ADDRESS
    assert out.grant.connections == 0


async def test_an_allowed_origin_is_reached_by_ordinary_clients_both_ways(origin, egress) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    async with httpx.AsyncClient(proxy=out.proxy_url, trust_env=False) as client:
        assert (await client.get(f"{site.url}/a?b=c")).text == "hello"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": out.proxy_url}))
    assert await asyncio.to_thread(lambda: opener.open(site.url, timeout=20).read()) == b"hello"
    assert site.heads[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert out.grant.connections == 2
    assert out.grant.problem() is None


async def test_a_redirect_to_a_port_that_is_not_allowed_ends_there(origin, egress) -> None:
    secret = await origin()

    async def redirect(reader, writer, head) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {secret.url}/\r\nContent-Length: 0\r\n\r\n".encode())

    site = await origin(redirect)
    out = await egress(allow=[site.port])
    async with httpx.AsyncClient(proxy=out.proxy_url, trust_env=False, follow_redirects=True) as client:
        answer = await client.get(site.url)
    assert (answer.status_code, secret.heads) == (403, [])
    assert out.grant.problem().code is Code.PRIVATE_ADDRESS
    assert str(secret.port) in out.grant.problem().detail


@pytest.mark.parametrize("answer", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
async def test_a_name_with_one_address_that_is_not_allowed_is_refused_whole(answer, origin, egress) -> None:
    site = await origin()
    resolve, asked = answering(answer)
    out = await egress(allow=[site.port], resolver=resolve)
    assert (await out.get(f"http://rebind.example:{site.port}/")).startswith(b"HTTP/1.1 403 ")
    assert (asked, site.heads) == (["rebind.example"], [])
    assert "127.0.0.2" in out.grant.problem().detail


async def test_a_private_address_behind_a_public_one_refuses_the_name_before_anything_is_connected_to(
    egress,
) -> None:
    resolve, _ = answering(["93.184.215.14", "10.0.0.1"])
    out = await egress(resolver=resolve)
    assert (await out.get("http://rebind.example/")).startswith(b"HTTP/1.1 403 ")
    assert out.grant.connections == 0


async def test_a_name_is_resolved_once_and_what_was_judged_is_what_is_connected_to(origin, egress) -> None:
    """DNS rebinding: the second answer, for whoever asked twice, would lead to the unlisted loopback port."""
    site = await origin()
    resolve, asked = answering(["127.0.0.1"], ["127.0.0.2"])
    opening = OriginAllow(cidr="127.0.0.1/32", port=site.port)
    out = await egress(settings=EgressSettings(allow=(opening,)), resolver=resolve)
    assert (await out.get(f"http://rebind.example:{site.port}/")).endswith(b"hello")
    assert asked == ["rebind.example"]
    assert (await out.get(f"http://rebind.example:{site.port}/")).startswith(b"HTTP/1.1 403 ")
    assert len(site.heads) == 1


@pytest.mark.parametrize("nonsense", [["fe80::1%eth0"], ["not-an-address"]])
async def test_what_a_name_server_answers_that_is_no_address_is_refused(nonsense, egress) -> None:
    resolve, _ = answering(nonsense)
    out = await egress(resolver=resolve)
    assert (await out.get("http://strange.example/")).startswith(b"HTTP/1.1 403 ")


async def test_a_name_that_does_not_resolve_is_the_origins_failure_not_a_refusal(egress) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    out = await egress(resolver=resolve)
    answer = await out.get("http://nowhere.example/")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"error=dns_error" in answer
    assert out.grant.problem().code is Code.ORIGIN_UNREACHABLE


async def test_a_public_origin_is_refused_on_a_port_that_is_not_listed(egress) -> None:
    out = await egress()
    assert (await out.get("http://93.184.215.14:25/")).startswith(b"HTTP/1.1 403 ")
    assert "port 25" in out.grant.problem().detail


async def test_a_host_that_is_opened_by_name_is_reached_at_whatever_address_it_has(origin, egress) -> None:
    site = await origin()
    resolve, _ = answering(["127.0.0.1"])
    settings = EgressSettings(allow=(OriginAllow(host="media.internal", port=site.port),))
    out = await egress(settings=settings, resolver=resolve)
    assert (await out.get(f"http://Media.Internal:{site.port}/")).endswith(b"hello")
    assert (await out.get(f"http://other.internal:{site.port}/")).startswith(b"HTTP/1.1 403 ")


async def test_an_address_that_does_not_answer_gives_way_to_the_next_one(origin, egress) -> None:
    site = await origin()
    resolve, _ = answering(["127.0.0.3", "127.0.0.1"])
    settings = EgressSettings(allow=(OriginAllow(cidr="127.0.0.0/29", port=site.port),))
    out = await egress(settings=settings, resolver=resolve)
    assert (await out.get(f"http://two.example:{site.port}/")).endswith(b"hello")
