"""Recording: a stack's program run in a child process against an engine of ours, and what it registered as data.

``recorder`` starts the engine (``monitor``) for each run and the ``child`` that runs programs; ``computed`` answers a
registration from the SDK's types (``sdk``) in AWS's forms (``shapes``); ``values`` is the wire, ``record`` the data.
"""

from reelplane_infra.record.record import (
    Invocation,
    Mode,
    Record,
    RecordedPlan,
    Resource,
    plan_from_json,
    plan_to_json,
)
from reelplane_infra.record.recorder import Recorder, RecordError, record_environment, stack_config
from reelplane_infra.record.values import UNKNOWN, Secret, Unknown, Value, plain, walk

__all__ = [
    "UNKNOWN",
    "Invocation",
    "Mode",
    "Record",
    "RecordError",
    "RecordedPlan",
    "Recorder",
    "Resource",
    "Secret",
    "Unknown",
    "Value",
    "plain",
    "plan_from_json",
    "plan_to_json",
    "record_environment",
    "stack_config",
    "walk",
]
