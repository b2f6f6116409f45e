"""What the queue looks like in Valkey, and the scripts that are all that touches it.

Keys begin with ``rp:{<platform>}:q:``; the braces keep them in one cluster slot.

    tasks     zset: every task that is due; its score is +inf while it waits, and the end of its lease while it is taken
    later     zset: tasks that back off, by when they are due
    bell      list: one token while something waits; consumers without work block on it
    0 1 2     lists: the waiting tasks of a priority, in order

Times are milliseconds by the server's clock, so that consumers need none in common. A task is text,
``<priority>:<flight id>.<attempt>``: the same attempt of a flight is one task however often it is put in, the next
attempt is another. Nothing is ever decoded from it but these three.
"""

from __future__ import annotations

from importlib.resources import files

from reelplane_workloads.cache.scripts import Script
from reelplane_workloads.store.model import Flight, Priority

_LUA = files("reelplane_workloads.queue") / "lua"


def _load(*names: str) -> Script:
    return Script("\n".join((_LUA / f"{name}.lua").read_text() for name in names))


PUT = _load("lists", "put")
EXCHANGE = _load("lists", "exchange")
DEPTH = _load("depth")


def keys_of(platform: str) -> tuple[str, ...]:
    """KEYS of every script, in their order."""
    names = ("tasks", "later", "bell", *(str(int(priority)) for priority in sorted(Priority)))
    return tuple(f"rp:{{{platform}}}:q:{name}" for name in names)


def task_of(flight: Flight) -> str:
    return f"{int(flight.priority)}:{flight.id}.{flight.attempt}"


def flight_of(task: bytes) -> str | None:
    """The flight's id; None for what no dispatcher of ours has put there."""
    _, colon, rest = task.partition(b":")
    flight_id, dot, _ = rest.rpartition(b".")
    try:
        return flight_id.decode("ascii") if colon and dot and flight_id else None
    except UnicodeDecodeError:
        return None
