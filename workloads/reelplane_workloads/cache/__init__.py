"""What may vanish at any moment: answers about URLs, rate limits, progress events, counters, all in Valkey.

A request for a known video costs one round trip: ``Cache.lookup`` (cache.py) encodes one EVALSHA and hands it to
``Wire`` (wire.py), which writes the commands of one event-loop tick at once. ``lua/lookup.lua`` answers what is
known of the URL, or takes a token of the client's bucket. Everything else goes through redis-py (client.py).
Progress travels by pub/sub and one subscriber connection per process (events.py). Nothing here is the truth: the
database is, and a caller that is told ``unavailable`` may go there.
"""

from reelplane_workloads.cache.cache import Cache
from reelplane_workloads.cache.events import Subscription
from reelplane_workloads.cache.model import Failed, Hit, InFlight, Limited, Lookup, Miss

__all__ = ["Cache", "Failed", "Hit", "InFlight", "Limited", "Lookup", "Miss", "Subscription"]
