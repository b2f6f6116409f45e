"""What the emulators refuse though AWS does not: faults and gaps of theirs, each with how it was told apart.

A refusal that is named here counts as "not supported", never as created.
"""

from __future__ import annotations

from typing import Final

_VERSIONS: Final = (
    "holds a short list of engine versions; moto takes the version, and the schema check its form"
)
OWN_FAULTS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("ministack", "rds.CreateDBCluster", "Cannot find version", _VERSIONS),
    ("ministack", "rds.CreateGlobalCluster", "Cannot find version", _VERSIONS),
    (
        "moto",
        "kms.CreateAlias",
        "AlreadyExistsException",
        "keeps the aliases of a replica with those of its primary; ministack has them by region, as AWS does",
    ),
)
"""Emulator, operation, a part of its message, reason."""


def own_fault(emulator: str, operation: str, message: str) -> str:
    """Why the refusal says nothing of AWS; "" when it counts."""
    for name, named, part, reason in OWN_FAULTS:
        if name == emulator and named == operation and part in message:
            return reason
    return ""
