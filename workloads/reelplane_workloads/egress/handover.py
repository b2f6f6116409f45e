"""How the guard gets a listener inside the child's network namespace: the child makes it and hands it over.

A socket stays in the namespace it was made in, whoever holds it. So the child listens on its own loopback,
sends that listening socket (SCM_RIGHTS) with its token to the guard's Unix socket, and the guard accepts
connections from inside the namespace directly: no relay process, no second copy of each byte.

Only the standard library is used here: the child calls ``offer`` before it imports anything large.
"""

from __future__ import annotations

import socket

ACCEPTED = b"accepted"
TIMEOUT = 10.0
"""Seconds either side waits for the other; both are on one machine and do next to nothing."""


def offer(path: str, token: str, listener: socket.socket) -> None:
    """Give ``listener`` to the guard behind the Unix socket ``path``. Raises OSError when it is not taken."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as guard:
        guard.settimeout(TIMEOUT)
        guard.connect(path)
        socket.send_fds(guard, [token.encode()], [listener.fileno()])
        if guard.recv(len(ACCEPTED)) != ACCEPTED:
            raise ConnectionRefusedError("the guard did not take the listener: its token is not granted")


def take(connection: socket.socket) -> tuple[str, socket.socket]:
    """The token and the listener that a child has sent. Call it when ``connection`` is readable. Raises OSError."""
    message, descriptors, _, _ = socket.recv_fds(connection, 256, 1)
    if len(descriptors) != 1:
        raise ConnectionAbortedError("no listener came with the token")
    listener = socket.socket(fileno=descriptors[0])
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) or listener.family != socket.AF_INET:
        listener.close()
        raise ConnectionAbortedError("what came with the token is not a listening TCP socket")
    listener.setblocking(False)
    return message.decode("ascii", "replace"), listener
