"""What all kinds share: the base model, object metadata, references to Secrets, and what a CRD says beside a schema.

Attributes are snake_case in Python and camelCase in YAML. A ``null`` counts as absent, as it does for the API
server, and everything is strict: ``"5"`` is not a number and an unknown field is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from reelplane_crds.kinds.forms import Name, SecretKey, SecretName
from reelplane_crds.kinds.values import JsonSchema, with_rules
from reelplane_crds.rules import Invalid, Rule, RulesBroken

API_VERSION: Final = "reelplane.io/v1alpha1"
GROUP, _, VERSION = API_VERSION.partition("/")
OURS: Final = f"{GROUP}/"
"""Prefix of the labels and annotations that Reelplane itself writes and reads."""
RECOMMENDED: Final = "app.kubernetes.io/"
"""Prefix of Kubernetes' recommended labels, by which Reelplane finds its children."""

T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(False)]
"""A list in YAML, a tuple here; only the container is lenient, its items stay strict."""


class ApiModel(BaseModel):
    """Base of everything in a spec or status: frozen, strict, no unknown fields, rules checked on both sides."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return (
            {key: value for key, value in data.items() if value is not None}
            if isinstance(data, dict)
            else data
        )

    @model_validator(mode="after")
    def _keep_rules(self) -> ApiModel:
        broken = tuple(rule for rule in self.rules if not rule.holds(self))
        if broken:
            raise RulesBroken(broken)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        result = handler.resolve_ref_schema(handler(schema))
        result.update(with_rules(result, *(rule.schema() for rule in cls.rules)))
        return result


_IMMUTABLE = "cannot be changed: delete the object and make a new one"


@dataclass(frozen=True, slots=True)
class Kube:
    """Kubernetes' own schema keywords for one field: ``Kube(list_type="map", list_map_keys=["name"])``."""

    list_type: Literal["set", "map", "atomic"] | None = None
    list_map_keys: tuple[str, ...] = ()
    immutable: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        if self.list_type not in ("set", "map"):
            return schema
        return core_schema.no_info_after_validator_function(self._without_repeats, schema)

    def _without_repeats(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """Sets and maps hold each entry once; the API server refuses repeats by itself."""
        seen = set()
        for item in items:
            key = tuple(getattr(item, name) for name in self.list_map_keys) or (item,)
            if key in seen:
                raise Invalid(f"{key[0]} stands twice in the list", "keep one of them")
            seen.add(key)
        return items

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        result = dict(handler(schema))
        if self.list_type:
            result["x-kubernetes-list-type"] = self.list_type
        if self.list_map_keys:
            result["x-kubernetes-list-map-keys"] = list(self.list_map_keys)
        if self.immutable:
            return with_rules(result, {"rule": "self == oldSelf", "message": _IMMUTABLE})
        return result


class SecretRef(ApiModel):
    """A whole Secret of the same namespace."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    secret: SecretName
    """Name of the Secret."""


class SecretKeyRef(ApiModel):
    """One key of a Secret of the same namespace. On one machine the Secret stands in the same files."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    secret: SecretName
    """Name of the Secret."""
    key: SecretKey
    """Key inside it whose value is meant."""


class UrlFrom(ApiModel):
    """A server that is run elsewhere, reached by a URL that may hold a password."""

    url_from: SecretKeyRef
    """Where the server's URL stands. URLs hold passwords, so they are never written into the spec."""


class ObjectMeta(BaseModel):
    """The part of Kubernetes' object metadata that is read here; the server's own bookkeeping is let through."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    bookkeeping: ClassVar[frozenset[str]] = frozenset(
        {
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "finalizers",
            "generateName",
            "managedFields",
            "ownerReferences",
            "resourceVersion",
            "selfLink",
        }
    )
    """What only the API server writes: let through, so that ``kubectl get -o yaml`` can be read back."""

    name: Name
    namespace: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    uid: str | None = None
    generation: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_bookkeeping(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None and key not in cls.bookkeeping}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``."""

    name: str
    type: Literal["string", "integer", "date"]
    path: str
    """JSONPath below the object."""
    priority: int = 0
    """Above 0: shown by ``kubectl get -o wide`` only."""


READY = Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status')
AGE = Column("Age", "date", ".metadata.creationTimestamp")
REASON = Column("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', priority=1)


@dataclass(frozen=True, slots=True)
class Definition:
    """What a CRD says beside the schema."""

    plural: str
    short: str
    columns: tuple[Column, ...]


DeletionPolicy = Literal["Delete", "Orphan"]
"""What becomes of children when their object is deleted."""


class Resource(ApiModel):
    """Base of the kinds: type, metadata, spec and status of one object."""

    definition: ClassVar[Definition]

    metadata: ObjectMeta
