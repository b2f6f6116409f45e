"""CloudFront: how media and the API reach viewers, and whose signature opens a video."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, StringConstraints, model_validator

from reelplane_infra.config.base import Config

KEYS: Final = (
    "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
    "private-content-trusted-signers.html#private-content-creating-cloudfront-key-pairs (2026-11)"
)
_RSA_2048: Final = 294
"""Bytes of the DER form of a 2048-bit RSA public key with the exponent 65537 (RFC 5280, SubjectPublicKeyInfo)."""
_RSA_OID: Final = bytes.fromhex("06092a864886f70d010101")
_P256_OID: Final = bytes.fromhex("06082a8648ce3d030107")
_P256: Final = 91
"""Bytes of the DER form of a P-256 public key (RFC 5480)."""


def _public(pem: str) -> str:
    lines = [line.strip() for line in pem.strip().splitlines()]
    if any("PRIVATE" in line for line in lines):
        raise ValueError(
            "this is a private key: write the public one here, and replace the private one, it was shown"
        )
    if len(lines) < 3 or lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[-1] != "-----END PUBLIC KEY-----":
        raise ValueError(
            "a public key in PEM form starts with -----BEGIN PUBLIC KEY----- (openssl pkey -pubout)"
        )
    try:
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the public key's body is not base64: {error}") from None
    rsa = len(der) == _RSA_2048 and _RSA_OID in der
    if not rsa and not (len(der) == _P256 and _P256_OID in der):
        raise ValueError(
            f"the public key is neither RSA of 2048 bits nor ECDSA P-256, which CloudFront takes ({KEYS})"
        )
    return "\n".join(lines) + "\n"


PublicPem = Annotated[str, AfterValidator(_public)]
"""RSA 2048 or ECDSA P-256 in PEM form, by KEYS."""
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""


class SigningKey(Config):
    """One public key. Its private half signs URLs and is never written into an environment."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$")]
    """Part of the key's name at AWS, e.g. the month it was made in: ``2026-11``. A new key has a new id."""
    pem: PublicPem


class SigningKeys(Config):
    """The key group: a URL signed by either key opens. docs/infra-keys.md has the order of a rotation."""

    current: SigningKey
    """The one that is signed with."""
    previous: SigningKey | None = None
    """The one before, until the last URL it signed has expired; or the next one, before it is signed with."""

    @property
    def all(self) -> tuple[SigningKey, ...]:
        return (self.current,) if self.previous is None else (self.current, self.previous)

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.previous and self.previous.id == self.current.id:
            raise ValueError(f"previous.id: {self.current.id} is current's; a key that changes gets a new id")
        if self.previous and self.previous.pem == self.current.pem:
            raise ValueError("previous.pem: the same key as current's; leave previous out instead")
        return self


class Geography(Config):
    """Where nothing is shown."""

    mode: Literal["none", "allow", "deny"] = "none"
    """``allow``: only in ``countries``; ``deny``: everywhere but there."""
    countries: tuple[CountryCode, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.mode == "none") != (not self.countries):
            raise ValueError(
                f"countries: mode {self.mode} goes with {'none' if self.mode == 'none' else 'at least one'}"
            )
        return self


class Cdn(Config):
    """Two distributions: ``media.<domain>``, which reads the buckets, and ``<domain>``, which asks the API."""

    signing: SigningKeys
    media_ttl_seconds: PositiveInt = 86_400
    """How long an edge keeps a video (S4.24: 24 h)."""
    metadata_ttl_seconds: PositiveInt = 300
    """How long it keeps what the API says about one, at most (S4.24: 5 min)."""
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"] = "PriceClass_All"
    """Which edges serve: North America and Europe, most, all,
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PriceClass.html (2026-11)."""
    geography: Geography = Geography()
    origin_shield: bool = True
    """One more cache before each region's bucket: what many edges miss at once is read from the bucket once."""
    allowed_origins: tuple[str, ...] = ()
    """Web origins whose players may read media by script (CORS); empty: the environment's own domain."""
    log_days: PositiveInt = Field(default=30, le=3650)
    """Days that access logs are kept."""
