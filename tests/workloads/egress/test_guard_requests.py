"""Only well-formed requests with a token pass, and what passes cannot be read in two ways."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import pytest

from reelplane_workloads.egress.session import GuardLimits


def basic(text: str) -> bytes:
    return b"Proxy-Authorization: Basic " + base64.b64encode(text.encode()) + b"\r\n"


@pytest.mark.parametrize(
    "authorization",
    [
        b"", basic("job:wrong"), basic("job:"), basic("nobody:x"), b"Proxy-Authorization: Bearer abc\r\n",
        b"Proxy-Authorization: Basic !!!\r\n", b"Proxy-Authorization: Basic\r\n",
    ],
)  # fmt: skip
async def test_without_a_granted_token_nothing_is_reached(authorization: bytes, origin, egress) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    for line in (f"GET {site.url}/ HTTP/1.1", f"CONNECT 127.0.0.1:{site.port} HTTP/1.1"):
        answer = await out.say(line.encode() + b"\r\nHost: x\r\n" + authorization + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 407 ")
        assert b"Proxy-Authenticate: Basic" in answer
    assert site.heads == []


async def test_two_tokens_at_once_are_none(origin, egress) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    assert (await out.get(f"{site.url}/", basic("job:x"))).startswith(b"HTTP/1.1 407 ")


async def test_a_revoked_token_is_none(origin, egress) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    out.guard.revoke(out.grant)
    out.guard.revoke(out.grant)
    assert (await out.get(f"{site.url}/")).startswith(b"HTTP/1.1 407 ")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET / HTTP/1.1", 400), (b"GET https://127.0.0.1:PORT/ HTTP/1.1", 400), (b"GET ftp://x/ HTTP/1.1", 400),
        (b"GET http:// HTTP/1.1", 400), (b"GET http://u:p@127.0.0.1:PORT/ HTTP/1.1", 400),
        (b"GET http://127.0.0.1:0/ HTTP/1.1", 400), (b"GET http://127.0.0.1:99999/ HTTP/1.1", 400),
        (b"GET http://127.0.0.1:PORT/#x HTTP/1.1", 400), (b"GET http://127.0.0.1:PORT\\@x/ HTTP/1.1", 400),
        (b"GET http://[::1/ HTTP/1.1", 400), (b"GET http://[::1%25lo]/ HTTP/1.1", 400),
        (b"GET http://127.0.0.1:PORT/ HTTP/2.0", 505), (b"GET http://127.0.0.1:PORT/", 400),
        (b"GET  http://127.0.0.1:PORT/ HTTP/1.1", 400), (b"GET http://127.0.0.1:PORT/ x HTTP/1.1", 400),
        (b"G\x00T http://127.0.0.1:PORT/ HTTP/1.1", 400), (b"\x16\x03\x01\x02\x00", 400), (b"", 400),
        (b"CONNECT 127.0.0.1 HTTP/1.1", 400), (b"CONNECT http://127.0.0.1:PORT/ HTTP/1.1", 400),
        (b"CONNECT :443 HTTP/1.1", 400), (b"CONNECT a..b:443 HTTP/1.1", 400), (b"OPTIONS * HTTP/1.1", 400),
        ("GET http://127。0。0。1:PORT/ HTTP/1.1".encode(), 400), (b"GET http://%31.0.0.1:PORT/ HTTP/1.1", 400),
    ],
)  # fmt: skip
async def test_a_malformed_request_is_answered_with_what_is_wrong(
    line: bytes, status: int, origin, egress
) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    request = (
        line.replace(b"PORT", str(site.port).encode()) + b"\r\nHost: x\r\n" + out.authorization + b"\r\n"
    )
    assert (await out.say(request)).startswith(f"HTTP/1.1 {status} ".encode())
    assert site.heads == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400), (b"Transfer-Encoding: chunked\r\n", 411),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400), (b"Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 5, 5\r\n", 400), (b"Content-Length: +5\r\n", 400), (b"Content-Length: 0x5\r\n", 400),
        (b"Content-Length : 5\r\n", 400), (b"Transfer-Encoding : chunked\r\n", 400),
        (b"X: a\r\n Transfer-Encoding: chunked\r\n", 400), (b"X: a\nTransfer-Encoding: chunked\r\n", 400),
        (b"X: a\rTransfer-Encoding: chunked\r\n", 400), (b"X: \x00\r\n", 400), (b": x\r\n", 400), (b"nocolon\r\n", 400),
        (b"Host: a\r\nHost: b\r\n", 400),
    ],
)  # fmt: skip
async def test_what_two_parsers_could_read_differently_is_refused(
    fields: bytes, status: int, origin, egress
) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    smuggled = b"GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"
    request = f"POST {site.url}/ HTTP/1.1\r\n".encode() + out.authorization + fields + b"\r\n" + smuggled
    assert (await out.say(request)).startswith(f"HTTP/1.1 {status} ".encode())
    assert site.heads == []


async def test_the_origin_gets_the_targets_host_and_nothing_that_was_meant_for_the_proxy(
    origin, egress
) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    fields = (
        b"Host: internal.example\r\nProxy-Connection: keep-alive\r\nProxy-Foo: 1\r\nConnection: X-Drop, keep-alive\r\n"
        b"X-Drop: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nKeep-Alive: timeout=5\r\nUser-Agent: me\r\nX-Keep: 1\r\n"
    )
    await out.say(f"GET {site.url}?q HTTP/1.1\r\n".encode() + out.authorization + fields + b"\r\n")
    head = site.heads[0]
    assert head.startswith(f"GET /?q HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n".encode())
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
    assert names == {b"host", b"user-agent", b"x-keep", b"connection"}
    assert b"Connection: close" in head


async def test_one_request_per_connection_what_follows_is_not_forwarded(origin, egress) -> None:
    received = bytearray()

    async def collect(reader, writer, head) -> None:
        received.extend(await reader.readexactly(5))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")
        await writer.drain()
        received.extend(await asyncio.wait_for(reader.read(), 20))

    site = await origin(collect)
    out = await egress(allow=[site.port])
    head = f"POST {site.url}/ HTTP/1.1\r\nContent-Length: 5\r\n".encode() + out.authorization + b"\r\n"
    reader, writer = await out.dial()
    writer.write(head + b"12345GET http://127.0.0.1/admin HTTP/1.1\r\n\r\n")
    answer = await asyncio.wait_for(reader.readuntil(b"ok"), 20)
    writer.close()
    assert b"Connection: close" in answer
    assert b"keep-alive" not in answer
    await asyncio.sleep(0.1)
    assert bytes(received) == b"12345"


async def test_a_client_that_waits_for_100_continue_gets_it(origin, egress) -> None:
    async def echo(reader, writer, head) -> None:
        body = await reader.readexactly(3)
        writer.write(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + body
        )

    site = await origin(echo)
    out = await egress(allow=[site.port])
    reader, writer = await out.dial()
    head = f"POST {site.url}/ HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n".encode()
    writer.write(head + out.authorization + b"\r\n")
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert b"103 Early Hints" in answer
    assert answer.endswith(b"\r\n\r\nabc")


async def test_a_head_that_drips_is_cut_off_in_time(egress) -> None:
    out = await egress(limits=GuardLimits(head_timeout=0.3))
    reader, writer = await out.dial()
    answer = asyncio.create_task(reader.read())
    for _ in range(100):
        if answer.done():
            break
        writer.write(b"X")
        await asyncio.sleep(0.05)
    assert (await asyncio.wait_for(answer, 20)).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_head_beyond_the_limit_is_refused(egress) -> None:
    out = await egress(limits=GuardLimits(head=4096))
    huge = b"X-Filler: " + b"a" * 200_000 + b"\r\n"
    assert (await out.say(b"GET http://x/ HTTP/1.1\r\n" + huge + b"\r\n")).startswith(b"HTTP/1.1 431 ")


async def test_an_origins_head_beyond_the_limit_is_a_bad_gateway(origin, egress) -> None:
    async def huge(reader, writer, head) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"a" * 200_000 + b"\r\n\r\n")

    site = await origin(huge)
    out = await egress(allow=[site.port], limits=GuardLimits(head=4096))
    assert (await out.get(site.url)).startswith(b"HTTP/1.1 502 ")


async def test_strangers_cannot_use_up_the_guard(origin, egress) -> None:
    site = await origin()
    out = await egress(allow=[site.port], limits=GuardLimits(unidentified=3))
    silent = [await out.dial() for _ in range(5)]
    closed = 0
    for reader, _ in silent[3:]:
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 20) == b""
        closed += 1
    assert closed == 2
    silent[0][1].close()
    answer = b""
    for _ in range(100):
        with contextlib.suppress(ConnectionError):
            answer = await out.get(site.url)
        if answer.endswith(b"hello"):
            break
        await asyncio.sleep(0.1)
    assert answer.endswith(b"hello")
    for _, writer in silent:
        writer.close()
