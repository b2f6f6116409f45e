"""Around every request that the framework answers: an id, security headers, metrics, and an end to every exception."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from reelplane_workloads.api import problems
from reelplane_workloads.api.answers import App, Message, Receive, Scope, Send
from reelplane_workloads.core import metrics
from reelplane_workloads.core.errors import Code, Problem

log = logging.getLogger("reelplane.api")

_NOTHING = b"default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of answers that are not pages; a page brings its own."""

_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class Edge:
    def __init__(self, app: App, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = problems.new_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        started = self._clock()
        status = 0
        complete = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                present = {name for name, _ in headers}
                headers += [header for header in _ALWAYS if header[0] not in present]
                if b"content-security-policy" not in present:
                    headers.append((b"content-security-policy", _NOTHING))
                if b"x-request-id" not in present:
                    headers.append((b"x-request-id", request_id.encode()))
                if cookie := scope["state"].get("set_cookie"):
                    headers.append((b"set-cookie", cookie))
                metrics.HTTP_DURATION.labels(_route(scope)).observe(self._clock() - started)
                message = {**message, "headers": headers}
            else:
                complete = not message.get("more_body", False)
            await send(message)

        metrics.HTTP_IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception(
                "%s %s failed",
                scope["method"],
                _route(scope),
                extra={"request": request_id, "status": status},
            )
            if status and not complete:
                raise  # too late for another answer: the server breaks the connection, so nobody takes it for whole
            if not status:
                await problems.answer(Problem(Code.INTERNAL), request_id).send(send_with_headers)
        finally:
            metrics.HTTP_IN_FLIGHT.dec()
            metrics.HTTP_REQUESTS.labels(_route(scope), _method(scope), str(status or 500)).inc()


def _route(scope: Scope) -> str:
    """The route's template: a bounded set, as labels must be."""
    return str(getattr(scope.get("route"), "path", "other")).replace(":path}", "}")


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "DELETE") else "other"
