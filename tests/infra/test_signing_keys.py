"""Two keys open a video while one takes over from the other; a private one is refused wherever it is written."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from itertools import pairwise

import pytest
from pydantic import ValidationError

from reelplane_infra.config.cdn import SigningKey, SigningKeys


@pytest.fixture(scope="session")
def made() -> Callable[..., str]:
    def pem(*options: str, public: bool = True) -> str:
        private = subprocess.run(["openssl", "genpkey", *options], capture_output=True, check=True).stdout
        if not public:
            return private.decode()
        return subprocess.run(
            ["openssl", "pkey", "-pubout"], input=private, capture_output=True, check=True
        ).stdout.decode()

    return pem


RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
P256 = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


@pytest.mark.parametrize("options", [RSA, P256])
def test_both_kinds_that_cloudfront_takes_are_taken(
    made: Callable[..., str], options: tuple[str, ...]
) -> None:
    pem = made(*options)
    assert SigningKey(id="2026-11", pem=pem).pem == pem


def test_a_private_key_is_refused_and_called_lost(made: Callable[..., str]) -> None:
    with pytest.raises(ValidationError, match="private key: write the public one here, and replace"):
        SigningKey(id="2026-11", pem=made(*P256, public=False))


@pytest.mark.parametrize(
    "options",
    [
        ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
        ("-algorithm", "ED25519"),
    ],
)
def test_a_key_of_another_kind_is_refused(made: Callable[..., str], options: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="neither RSA of 2048 bits nor ECDSA P-256"):
        SigningKey(id="2026-11", pem=made(*options))


def test_what_is_no_key_is_refused() -> None:
    body = base64.b64encode(b"x" * 294).decode()
    with pytest.raises(ValidationError, match="neither RSA"):
        SigningKey(id="a", pem=f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----")
    with pytest.raises(ValidationError, match="not base64"):
        SigningKey(id="a", pem="-----BEGIN PUBLIC KEY-----\n!!!\n-----END PUBLIC KEY-----")
    with pytest.raises(ValidationError, match="starts with -----BEGIN PUBLIC KEY-----"):
        SigningKey(id="a", pem="ssh-ed25519 AAAA")


def test_a_changed_key_needs_a_new_id(made: Callable[..., str]) -> None:
    one, other = made(*P256), made(*P256)
    with pytest.raises(ValidationError, match="gets a new id"):
        SigningKeys(current=SigningKey(id="a", pem=one), previous=SigningKey(id="a", pem=other))
    with pytest.raises(ValidationError, match="the same key as current's"):
        SigningKeys(current=SigningKey(id="a", pem=one), previous=SigningKey(id="b", pem=one))


def test_a_rotation_never_closes_what_an_old_key_opened(made: Callable[..., str]) -> None:
    """The steps of docs/infra-keys.md: at each, whatever was signed with in the step before still opens."""
    old, new = SigningKey(id="old", pem=made(*P256)), SigningKey(id="new", pem=made(*P256))
    steps = [
        SigningKeys(current=old),
        SigningKeys(current=old, previous=new),
        SigningKeys(current=new, previous=old),
        SigningKeys(current=new),
    ]
    for before, after in pairwise(steps):
        assert after.current in before.all, "signed with before its key opened anything"
    for step in steps[:-1]:
        assert old in step.all
