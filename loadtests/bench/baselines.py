"""What the hot path is held against: the least an ASGI application can do for the same answer.

``python -m loadtests.bench.baselines memory|valkey --port N [--valkey URL --key KEY]``; the same server and event
loop as the API's.
"""

from __future__ import annotations

import argparse
from typing import Any

import redis.asyncio
import uvicorn

LOCATION = "/v1/media/ab/" + "0" * 64 + ".mp4?expires=1893456000&signature=" + "0" * 43


def memory_app() -> Any:
    """A 302 from memory: no parsing, no lookup, no signing, no metrics."""
    start = {
        "type": "http.response.start",
        "status": 302,
        "headers": [(b"location", LOCATION.encode()), (b"content-length", b"0")],
    }
    body = {"type": "http.response.body", "body": b""}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send(body)

    return app


def valkey_app(url: str, key: str) -> Any:
    """One GET with the usual asyncio client, its value as the answer."""
    client = redis.asyncio.Redis.from_url(url)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        value = await client.get(key) or b""
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(value)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": value})

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["memory", "valkey"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--valkey", default="")
    parser.add_argument("--key", default="")
    arguments = parser.parse_args()
    app = memory_app() if arguments.kind == "memory" else valkey_app(arguments.valkey, arguments.key)
    uvicorn.run(
        app,
        port=arguments.port,
        lifespan="off",
        access_log=False,
        log_level="warning",
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
