"""Flight ids on their way to workers. The queue holds hints: the database is the truth and can fill it again.

``Dispatcher`` (dispatch.py) puts in, ``Consumer`` (consume.py) takes out, and four scripts (lua/, keys.py) are all that
they do to Valkey. docs/decisions/0002-queue-engine.md says why this engine.
"""

from reelplane_workloads.queue.consume import Consumer
from reelplane_workloads.queue.dispatch import Dispatcher

__all__ = ["Consumer", "Dispatcher"]
