"""Promises about presigned links: what AWS published as an example comes out, to the letter."""

from __future__ import annotations

import calendar
from urllib.parse import parse_qs, urlsplit

import pytest

from reelplane_workloads.storage.presign import MAX_TTL, Presigner


def test_the_example_of_the_s3_reference_is_reproduced() -> None:
    # docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html: bucket, time, keys and result are its.
    presigner = Presigner(
        base="https://examplebucket.s3.amazonaws.com",
        region="us-east-1",
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    issued_at = calendar.timegm((2013, 5, 24, 0, 0, 0))
    query = parse_qs(urlsplit(presigner.sign("test.txt", ttl=86400, issued_at=issued_at)).query)
    assert query["X-Amz-Signature"] == ["aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"]
    assert query["X-Amz-Credential"] == ["AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"]


def test_the_secret_is_in_no_text() -> None:
    presigner = Presigner("https://s3.example.com/b", "eu-west-1", "access", "very-secret")
    assert "very-secret" not in repr(presigner)
    assert "very-secret" not in presigner.sign("k.mp4", ttl=60, issued_at=0)


@pytest.mark.parametrize("ttl", [0, -1, MAX_TTL + 1])
def test_a_lifetime_that_s3_would_refuse_is_refused_here(ttl: int) -> None:
    with pytest.raises(ValueError, match="lives"):
        Presigner("https://s3.example.com/b", "eu-west-1", "a", "s").sign("k.mp4", ttl=ttl, issued_at=0)
