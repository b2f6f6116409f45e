"""What kinds report back: conditions, what belongs to an object, and how far its spec was acted on.

A status is written by server-side apply and read by people, ``kubectl wait`` and kstatus; so conditions have
Kubernetes' form, and a condition that does not hold is written as False with its reason.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelplane_crds.kinds.common import ApiModel, Kube, Many
from reelplane_crds.kinds.values import Form

Copies = Annotated[str, Form(r"^[0-9]+/[0-9]+$", 16, "ready and wanted copies", "2/2")]
Figure = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[str, Form(r"^[0-9]+(\.[0-9])?%$", 8, "a share", "98.2%")]
Time = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
"""A moment (RFC 3339)."""


class Condition(ApiModel):
    """One statement about the object, in the form all Kubernetes tools understand."""

    type: Annotated[str, Form(r"^[A-Z][A-Za-z0-9]{0,62}$", 63, "a condition type", "Ready")]
    """What is stated, e.g. Ready, Reconciling or Stalled."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Form(r"^[A-Z][A-Za-z0-9]{0,126}$", 127, "a reason", "WorkersReady")]
    """Why, in one CamelCase word that programs may compare."""
    message: Annotated[str, Field(max_length=4096)]
    """Why, in a sentence for a person."""
    last_transition_time: Time
    """When the status last changed (RFC 3339)."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """metadata.generation that this statement is about."""


class Status(ApiModel):
    """What every kind reports back."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """metadata.generation that was last acted on. Lower than metadata.generation: the change is not yet taken up."""
    conditions: Annotated[
        Many[Condition], Field(max_length=16), Kube(list_type="map", list_map_keys=("type",))
    ] = ()
    """Statements about the object. Ready: it does its work. Reconciling: it is being brought to its spec. Stalled:
    a person is needed. Available: enough copies answer. Paused: it is left alone. DevelopmentOnly: stores hold data
    that nobody replicates. ExtractorRejected: a version of the extractor failed its trial."""


class InventoryEntry(ApiModel):
    """One object that was made for this one, and must go when it is no longer wanted."""

    api_version: Annotated[str, Form(r"^([-.a-z0-9]+/)?v[0-9][a-z0-9]*$", 253, "an apiVersion", "apps/v1")]
    """Group and version it was applied with."""
    kind: Annotated[str, Form(r"^[A-Z][A-Za-z0-9]{0,62}$", 63, "a kind", "Deployment")]
    """What it is."""
    name: Annotated[str, Field(max_length=253)]
    """Its name; it is of the same namespace."""
    digest: Annotated[str, Field(max_length=128)]
    """What was applied and what then stood there, as one hash: equal to it, nothing has to be written."""


Inventory = Annotated[Many[InventoryEntry], Field(max_length=64), Kube(list_type="atomic")]
"""Children of an object, in the order in which they are applied.

Atomic, since one writer alone knows the whole list: as a map it would cost several lines of managedFields per child.
"""
