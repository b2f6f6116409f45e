"""Presigned GET links for S3: AWS Signature Version 4 in the query string, as a pure function of the time.

obstore can sign too, but neither under a file name (``response-content-disposition`` has to be signed with the
rest) nor for a given time, without which processes cannot agree on one link. It is still what signs where the
instance's own credentials are used, since it alone knows them.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_TTL = 7 * 86400
"""Seconds; S3 refuses links that promise more."""


@dataclass(frozen=True, slots=True)
class Presigner:
    """Signs links to objects of one bucket."""

    base: str
    """URL of the bucket, without a trailing slash."""
    region: str
    access_key: str
    secret_key: str = field(repr=False)

    def sign(self, key: str, *, ttl: int, disposition: str | None = None, issued_at: int) -> str:
        """A link to ``key`` valid from ``issued_at`` (seconds since the epoch) for ``ttl`` seconds.

        ``disposition`` is the Content-Disposition that S3 is to answer with. Raises ValueError beyond MAX_TTL.
        """
        if not 0 < ttl <= MAX_TTL:
            raise ValueError(f"a presigned link lives 1 to {MAX_TTL} seconds, not {ttl}")
        base = urlsplit(self.base)
        path = quote(f"{base.path}/{key}", safe="/-_.~")
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(issued_at))
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        query = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(ttl),
            "X-Amz-SignedHeaders": "host",
        }
        if disposition is not None:
            query["response-content-disposition"] = disposition
        # Sorted by code point, which puts X-Amz-* before r*.
        canonical_query = "&".join(
            f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(query.items())
        )
        request = f"GET\n{path}\n{canonical_query}\nhost:{base.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
        text = f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signing_key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            signing_key = hmac.digest(signing_key, part.encode(), sha256)
        signature = hmac.digest(signing_key, text.encode(), sha256).hex()
        return f"{base.scheme}://{base.netloc}{path}?{canonical_query}&X-Amz-Signature={signature}"
