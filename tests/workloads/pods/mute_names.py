"""Runs a command where names are asked for and never answered, as in a cluster whose DNS is gone.

    unshare --net --mount --propagation private python mute_names.py COMMAND …

The only name server is a socket that the command inherits and that nobody reads. A question is put five times, with
thirty seconds of patience each: whoever waits for an answer waits for minutes.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

RESOLVER = "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True)
    file = Path("/mnt/resolv.conf")
    file.write_text(RESOLVER)
    subprocess.run(["mount", "--bind", str(file), os.path.realpath("/etc/resolv.conf")], check=True)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    server.set_inheritable(True)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
