"""A core/v1 Secret as it stands in a file beside our own kinds: on one machine it is read from there.

Values never appear in a repr or an error: a Secret in a log is no longer one.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from reelplane_crds.kinds.common import ObjectMeta
from reelplane_crds.kinds.forms import SecretKey, SecretName
from reelplane_crds.rules import Invalid


class SecretMeta(ObjectMeta):
    """Metadata of a Secret, whose name may be longer and dotted."""

    name: SecretName


class Secret(BaseModel):
    """Keys and values. ``stringData`` is plain and wins over ``data``, which is base64, as on the API server."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        hide_input_in_errors=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )

    api_version: Literal["v1"] = "v1"
    kind: Literal["Secret"] = "Secret"
    metadata: SecretMeta
    type: str = "Opaque"
    immutable: bool = False
    data: Annotated[dict[SecretKey, str], Field(repr=False, max_length=1024)] = {}
    string_data: Annotated[dict[SecretKey, str], Field(repr=False, max_length=1024)] = {}

    @field_validator("data")
    @classmethod
    def _base64(cls, data: dict[str, str]) -> dict[str, str]:
        for key, value in data.items():
            try:
                base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise Invalid(
                    f"{key} is not text in base64", "write plain text under stringData instead"
                ) from None
        return data

    @property
    def values(self) -> dict[str, str]:
        """All keys with their plain values."""
        decoded = {key: base64.b64decode(value).decode() for key, value in self.data.items()}
        return decoded | self.string_data
