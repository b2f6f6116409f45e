"""The Lua scripts as texts with their SHA-1: each atomic operation is one file in ``lua/``.

A script cannot include another, so those that limit are prefixed with ``gcra.lua``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files

_LUA = files("reelplane_workloads.cache") / "lua"


@dataclass(frozen=True, slots=True)
class Script:
    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        # SHA-1 names a script in EVALSHA; nothing is protected by it.
        object.__setattr__(self, "sha", hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest())


def _load(*names: str) -> Script:
    return Script("\n".join((_LUA / f"{name}.lua").read_text() for name in names))


LOOKUP = _load("gcra", "lookup")
REFUND = _load("gcra", "refund")
RECORD = _load("record")
DROP_FLIGHT = _load("drop_flight")
PUBLISH = _load("publish")
