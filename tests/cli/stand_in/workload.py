"""A stand-in for a workload: serves probes on its inherited sockets, says what happens to it in a journal.

It answers every GET with what /v1/status would say. ``--die``: it never gets that far. ``--drain``: seconds it
takes to stop. ``--litter``: it leaves a process in its group.
"""

import argparse
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("journal")
parser.add_argument("instance")
parser.add_argument("--own-fd", type=int)
parser.add_argument("--listen-fd", type=int)
parser.add_argument("--die", action="store_true")
parser.add_argument("--drain", type=float, default=0.0)
parser.add_argument("--litter", action="store_true")
arguments = parser.parse_args()


def note(event: str) -> None:
    line = json.dumps(
        {"event": event, "instance": arguments.instance, "pid": os.getpid(), "at": time.monotonic()}
    )
    with open(arguments.journal, "a") as journal:
        journal.write(line + "\n")


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {
            "queue": {"waiting": 3, "running": 2, "delayed": 1},
            "cache": {"hits": {"memory": 9}, "hitRate": 0.9},
        }
        status["workers"] = [{"id": "worker-0", "busy": 1, "capacity": 2, "draining": False}]
        body = json.dumps(status | {"instance": arguments.instance, "pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def serve(fd: int) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
    server.socket = socket.socket(fileno=fd)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def leave(*_: object) -> None:
    note("asked")
    time.sleep(arguments.drain)
    note("gone")
    os._exit(0)


if arguments.litter:
    litter = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    note(f"litter {litter.pid}")
note("born")
print(f"hello from {arguments.instance}", flush=True)
if arguments.die:
    sys.exit("cannot go on: the moon is in the wrong house")
signal.signal(signal.SIGTERM, leave)
for fd in (arguments.own_fd, arguments.listen_fd):
    if fd is not None:
        serve(fd)
while True:
    signal.pause()
