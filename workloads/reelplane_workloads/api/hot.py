"""The layer in front of the framework: the requests that make up nearly all traffic, answered as raw ASGI.

    POST /v1/downloads     ► remembered here? ► Intake ► 200 (hit), 202 (job), or a problem
    GET  /v1/media/{key}   ► a redirect that was given out a moment ago ► 302
    all else               ► the next layer

A known video costs two dictionary lookups (by the body's bytes, by the URL's key) and two sends of messages that
were built before. Limits, metrics and signatures are part of that; parsing, routing and middleware are not.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable

from reelplane_workloads.api import problems, views
from reelplane_workloads.api.answers import Answer, App, Header, Message, Receive, Scope, Send
from reelplane_workloads.api.bounded import Bounded
from reelplane_workloads.api.clients import Clients
from reelplane_workloads.api.hits import LINK_REUSE, Hits
from reelplane_workloads.api.intake import Intake, Queued
from reelplane_workloads.api.principals import Principals
from reelplane_workloads.api.problems import HttpProblem
from reelplane_workloads.api.tally import Tally
from reelplane_workloads.api.wanted import MAX_BODY, Reader, Wanted
from reelplane_workloads.core import metrics
from reelplane_workloads.core.errors import Code, Problem

log = logging.getLogger("reelplane.api")

DOWNLOADS = "/v1/downloads"
MEDIA = "/v1/media/"
_JSON = b"application/json"


class Disconnected(Exception):
    """The client left before its request was complete; nobody is there to be answered."""


class Hot:
    """An ASGI application. ``rest`` gets every request that is not answered here."""

    def __init__(
        self,
        rest: App,
        *,
        reader: Reader,
        intake: Intake,
        hits: Hits,
        principals: Principals,
        clients: Clients,
        tally: Tally,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._rest = rest
        self._reader = reader
        self._intake = intake
        self._hits = hits
        self._principals = principals
        self._clients = clients
        self._tally = tally
        self._clock = clock
        self._redirects: Bounded[str, tuple[Answer, float]] = Bounded(10_000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path == DOWNLOADS and scope["method"] == "POST":
                await self.download(scope, receive, send)
                return
            if path.startswith(MEDIA) and scope["method"] == "GET" and not scope["query_string"]:
                redirect = self._redirect(path, scope)
                if redirect is not None:
                    await redirect.send(send)
                    return
        await self._rest(scope, receive, send)

    def remember_redirect(self, path: str, answer: Answer) -> None:
        """Give out ``answer`` for this path for a while; its link must last that long."""
        self._redirects.put(path, (answer, self._clock() + LINK_REUSE))

    async def download(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /v1/downloads."""
        started = self._clock()
        try:
            answer = await self._download(scope, receive, started)
        except Disconnected:
            return
        except Problem as problem:
            answer = problems.answer(problem)
        except Exception:
            request_id = problems.new_request_id()
            log.exception("POST %s failed", DOWNLOADS, extra={"request": request_id})
            answer = problems.answer(Problem(Code.INTERNAL), request_id)
        if answer.status == 200:
            self._tally.post_200.n += 1
        else:
            metrics.HTTP_REQUESTS.labels(DOWNLOADS, "POST", str(answer.status)).inc()
        await send(answer.start)
        await send(answer.body)
        self._tally.post.observe(self._clock() - started)

    async def _download(self, scope: Scope, receive: Receive, now: float) -> Answer:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        authorization = headers.get(b"authorization")
        cookies = headers.get(b"cookie")
        principal: str | None = None
        if authorization is not None or not self._principals.anonymous:
            principal = self._principals.identify(authorization, cookies)
        if headers.get(b"content-type") != _JSON:
            _check_content_type(headers.get(b"content-type", b""))
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body", False) or message["type"] == "http.disconnect" or len(body) > MAX_BODY:
            body = await _rest_of_body(message, receive)
        wanted = self._reader.download(body)
        answer = self._hits.remembered(wanted.url_key, now)
        if answer is not None:
            self._tally.memory.n += 1
            self._tally.hit.n += 1
            return answer
        if principal is None:
            principal = self._principals.identify(authorization, cookies)
        return await self._decide(scope, principal, wanted)

    async def _decide(self, scope: Scope, principal: str | None, wanted: Wanted) -> Answer:
        peer = scope["client"][0] if scope["client"] else None
        cookie: list[Header] = []

        def owner() -> str:
            if principal is not None:
                return principal
            secure = self._clients.is_https(scope["scheme"], peer, scope["headers"])
            introduced, value = self._principals.introduce(secure=secure)
            cookie.append((b"set-cookie", value))
            return introduced

        client = self._clients.limited_as(principal, peer, scope["headers"])
        metrics.HTTP_IN_FLIGHT.inc()
        try:
            outcome = await self._intake.download(wanted, client, owner)
        finally:
            metrics.HTTP_IN_FLIGHT.dec()
        if isinstance(outcome, Answer):
            return outcome
        return accepted(outcome, cookie)

    def _redirect(self, path: str, scope: Scope) -> Answer | None:
        entry = self._redirects.get(path)
        if entry is None or not self._principals.anonymous:
            return None
        if any(name == b"authorization" for name, _ in scope["headers"]):
            return None  # a key is judged by the route
        started = self._clock()
        if started >= entry[1]:
            return None
        self._tally.media_302.n += 1
        self._tally.media.observe(self._clock() - started)
        return entry[0]


def accepted(queued: Queued, extra: list[Header]) -> Answer:
    """202: where the job is, and what is left of the client's budget if this request used some."""
    body = json.dumps(views.accepted(queued.job_id)).encode()
    location = views.links(queued.job_id)["self"].encode()
    headers = [(b"content-type", _JSON), (b"cache-control", b"no-store"), (b"location", location)]
    return Answer(202, [*headers, *queued.budget, *extra], body)


def _check_content_type(value: bytes) -> None:
    """Only JSON. A form of another site can send other types with the visitor's cookie, but not this one (CSRF)."""
    if value.split(b";")[0].strip().lower() != _JSON:
        raise HttpProblem(
            415,
            f"the Content-Type is {value.decode('latin-1')[:80]!r}",
            way_out="Send 'Content-Type: application/json'.",
        )


async def _rest_of_body(message: Message, receive: Receive) -> bytes:
    """A body that came in more than one piece. Raises HttpProblem(413) beyond MAX_BODY, and Disconnected."""
    pieces: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY:
            # The rest is not read: the server closes the connection after the answer.
            raise HttpProblem(
                413, f"the body is larger than {MAX_BODY} bytes", headers=[(b"connection", b"close")]
            )
        if not message.get("more_body", False):
            return b"".join(pieces)
        message = await receive()
