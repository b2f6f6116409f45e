"""Flight ids on their way to workers. The queue holds hints: the database is the truth and can fill it again.

dispatch.py has both ends, engine.py what they must agree on and the streaQ worker (Redis streams, Lua functions) that
they use. docs/decisions/0002-queue-engine.md says why this engine.
"""

from reelplane_workloads.queue.dispatch import Consumer, Dispatcher

__all__ = ["Consumer", "Dispatcher"]
