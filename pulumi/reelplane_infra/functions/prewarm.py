"""Fetches one object through CloudFront, so that the caches on the way keep it. Runs as a function behind a queue.

A message is ``{"url": "https://media.<domain>/processed/...?...Signature=..."}``: who asks for it has signed it, and
this function holds no key. The whole object is read and dropped, since an edge keeps what it has delivered to the
end. Whatever goes wrong is raised: the queue tries again, and sets the message aside after that.
"""

from __future__ import annotations

import json
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

LOG = logging.getLogger()
LOG.setLevel(logging.INFO)
CHUNK = 1 << 20
"""Bytes read at a time."""
SECONDS = 20.0
"""Without a byte, after which a fetch has failed."""


class Refused(ValueError):
    """A message that is not for this function, or an answer that filled no cache."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would leave the host that was checked."""

    def redirect_request(  # noqa: PLR0917 - the base class's
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def target(body: str, host: str) -> str:
    """The URL in a message. Raises Refused unless it is https and of ``host``."""
    try:
        url = json.loads(body)["url"]
        parts = urlsplit(url)
        port = parts.port
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f'a message is {{"url": "https://{host}/..."}}, this is {body[:100]!r}') from error
    if parts.scheme != "https" or parts.hostname != host or port not in (None, 443) or parts.username:
        raise Refused(f"only https://{host}/... is fetched, not {parts.scheme}://{parts.netloc}")
    return str(url)


def fetch(url: str) -> int:
    """Reads the object to its end; its bytes. Raises Refused for an answer other than 200."""
    opener = urllib.request.build_opener(_NoRedirect)
    path = urlsplit(url).path
    try:
        with opener.open(url, timeout=SECONDS) as answer:
            if answer.status != 200:
                raise Refused(f"{path}: {answer.status} instead of 200")
            total = 0
            while chunk := answer.read(CHUNK):
                total += len(chunk)
            return total
    except urllib.error.HTTPError as error:
        # The URL has a signature that opens the object: what is logged is its path.
        raise Refused(f"{path}: {error.code} instead of 200") from None


def handle(event: Mapping[str, Any], context: object, fetch: Callable[[str], int] = fetch) -> None:
    """The function's entry: the messages of one delivery. Raises for the first that fails."""
    host = os.environ["MEDIA_HOST"]
    for record in event["Records"]:
        url = target(record["body"], host)
        LOG.info("%s", json.dumps({"path": urlsplit(url).path, "bytes": fetch(url)}))
