"""Bytes pass unchanged and counted, within the job's bounds, and an end is told as the end it was."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct

import pytest
import uvloop

from reelplane_crds.runtime import EgressSettings
from reelplane_workloads.core.errors import Code
from reelplane_workloads.egress.guard import Guard
from reelplane_workloads.egress.session import GuardLimits

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")

MEBIBYTE = 2**20


@pytest.fixture(params=["asyncio", "uvloop"], scope="module")
def event_loop_policy(request):
    """The worker runs uvloop; what its transports do differently shows here if anywhere."""
    return asyncio.DefaultEventLoopPolicy() if request.param == "asyncio" else uvloop.EventLoopPolicy()


async def test_both_event_loops_are_really_used(event_loop_policy) -> None:
    assert isinstance(event_loop_policy, uvloop.EventLoopPolicy) is isinstance(
        asyncio.get_running_loop(), uvloop.Loop
    )


async def eventually(condition) -> None:
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen within 20 s")


async def echo(reader, writer, head) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def endless(reader, writer, head) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def test_a_tunnel_carries_megabytes_both_ways_unchanged_and_counts_them(origin, egress) -> None:
    site = await origin(echo)
    out = await egress(allow=[site.port])
    head, reader, writer = await out.connect(f"127.0.0.1:{site.port}")
    assert head.startswith(b"HTTP/1.1 200 ")
    sent = bytes(range(256)) * 4096 * 8

    async def send() -> None:
        writer.write(b"x\r\n\r\n")
        for start in range(0, len(sent), 100_000):
            writer.write(sent[start : start + 100_000])
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    received = await asyncio.wait_for(reader.read(), 60)
    await sending
    assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()
    assert out.grant.bytes_up == len(sent) + 5
    assert out.grant.bytes_down == len(sent)
    writer.close()


async def test_a_receiver_that_does_not_read_holds_up_the_sender_instead_of_filling_memory(
    origin, egress
) -> None:
    site = await origin(endless)
    out = await egress(allow=[site.port])
    head, reader, writer = await out.connect(f"127.0.0.1:{site.port}")
    assert head.startswith(b"HTTP/1.1 200 ")
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    before = -1
    while before != out.grant.bytes_down:
        before = out.grant.bytes_down
        await asyncio.sleep(0.5)
    assert 0 < out.grant.bytes_down < 64 * MEBIBYTE
    writer.close()


async def test_a_job_that_takes_more_than_its_budget_is_cut_off_as_too_large(origin, egress) -> None:
    site = await origin(endless)
    out = await egress(allow=[site.port], budget=4 * MEBIBYTE)
    reader, writer = await out.dial()
    writer.write(f"GET {site.url}/ HTTP/1.1\r\n".encode() + out.authorization + b"\r\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(64 * MEBIBYTE), 30)
    writer.close()
    assert out.grant.problem().code is Code.TOO_LARGE


async def test_revoking_a_grant_ends_its_open_tunnels(origin, egress) -> None:
    site = await origin(echo)
    out = await egress(allow=[site.port])
    other = out.guard.grant()
    _, reader, writer = await out.connect(f"127.0.0.1:{site.port}")
    writer.write(b"x\r\n\r\nping")
    assert await asyncio.wait_for(reader.readexactly(4), 20) == b"ping"
    out.guard.revoke(other)
    writer.write(b"pong")
    assert await asyncio.wait_for(reader.readexactly(4), 20) == b"pong"
    out.guard.revoke(out.grant)
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_a_job_has_no_more_connections_than_its_limit_and_gets_them_back(origin, egress) -> None:
    site = await origin(echo)
    out = await egress(allow=[site.port], limits=GuardLimits(connections=2))
    target = f"127.0.0.1:{site.port}"
    open_ones = [await out.connect(target) for _ in range(2)]
    head, _, writer = await out.connect(target)
    assert head.startswith(b"HTTP/1.1 503 ")
    writer.close()
    for _, _, each in open_ones:
        each.close()
    await eventually(lambda: not any(out.guard._sessions.values()))
    head, _, writer = await out.connect(target)
    assert head.startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_tunnel_without_a_byte_either_way_is_dropped(origin, egress) -> None:
    site = await origin(echo)
    out = await egress(allow=[site.port], limits=GuardLimits(idle_timeout=0.5))
    _, reader, writer = await out.connect(f"127.0.0.1:{site.port}")
    assert await asyncio.wait_for(reader.read(), 20) == b""
    assert out.grant.problem().code is Code.ORIGIN_TIMEOUT
    writer.close()


async def test_a_reset_in_mid_transfer_does_not_look_like_an_orderly_end(origin, egress) -> None:
    """Without a Content-Length the end of the connection is the end of the body: a reset must stay a reset."""

    async def reset(reader, writer, head) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        await writer.drain()
        await asyncio.sleep(0.2)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    site = await origin(reset)
    out = await egress(allow=[site.port])
    with pytest.raises(ConnectionError):
        await out.get(site.url)
    assert out.grant.problem().code is Code.ORIGIN_RESET


async def test_an_origin_that_closes_without_an_answer_is_a_bad_gateway(origin, egress) -> None:
    async def nothing(reader, writer, head) -> None:
        pass

    site = await origin(nothing)
    out = await egress(allow=[site.port])
    assert (await out.get(site.url)).startswith(b"HTTP/1.1 502 ")
    assert out.grant.problem().code is Code.ORIGIN_RESET


async def test_an_origin_that_does_not_listen_is_unreachable(egress) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        out = await egress(allow=[port])
        answer = await out.get(f"http://127.0.0.1:{port}/")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"error=connection_refused" in answer
    assert out.grant.problem().code is Code.ORIGIN_UNREACHABLE


async def test_a_failure_is_forgotten_when_a_later_attempt_at_the_same_origin_goes_well(
    origin, egress
) -> None:
    tries = 0

    async def second_time_lucky(reader, writer, head) -> None:
        nonlocal tries
        tries += 1
        if tries > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    site = await origin(second_time_lucky)
    out = await egress(allow=[site.port])
    await out.get(site.url)
    assert out.grant.problem() is not None
    await out.get(site.url)
    await eventually(lambda: out.grant.problem() is None)


async def test_a_socket_path_that_is_too_long_gives_way_to_a_short_one(short_tmp) -> None:
    guard = Guard(EgressSettings())
    await guard.start(short_tmp / ("long" * 40) / "guard.sock")
    assert guard.unix_path.exists()
    folder = guard.unix_path.parent
    await guard.close()
    assert not folder.exists()


async def test_closing_the_guard_leaves_neither_tunnel_nor_listener_nor_socket_file(origin, egress) -> None:
    site = await origin(echo)
    out = await egress(allow=[site.port])
    _, reader, writer = await out.connect(f"127.0.0.1:{site.port}")
    await out.guard.close()
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    with pytest.raises(ConnectionError):
        await out.dial()
    assert not out.guard.unix_path.exists()
