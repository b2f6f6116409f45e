"""What a worker is called: by its runtime (the instance, on a cluster the pod's name), and in the database (its id).

A restarted process is another worker: its predecessor's flights must look abandoned, not taken up.
"""

from __future__ import annotations


def fresh_id(instance: str, pid: int, token: str) -> str:
    """The id of one process of ``instance``. ``token`` is random and without dashes: process numbers repeat."""
    return f"{instance}-{pid}-{token}"


def instance_of(worker_id: str) -> str:
    """The instance of an id that ``fresh_id`` made."""
    return worker_id.rsplit("-", 2)[0]
