"""Free TCP ports for programs that cannot be handed a listening socket."""

from __future__ import annotations

import errno
import random
import socket

_RANGE = range(20_000, 30_000)
"""Below the ports that Linux gives to outgoing connections (32768 and up) and below NodePorts (30000 and up): a
port that was free when we looked is not taken by a passing connection before its program listens."""


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """So many different ports on which nobody listened a moment ago. Raises OSError when ``host`` is not ours."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(_RANGE)
        if port in found:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
        found.append(port)
    return found
