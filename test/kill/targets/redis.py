# SPDX-License-Identifier: MIT
"""redis-server as a target: what is stored in it must come back, while it saves and expires."""
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import subject

# redis-tools has the server's program too: it goes by the name that it is called by.
PROGRAM = shutil.which("redis-server") or shutil.which("redis-check-rdb")
if not PROGRAM:
    subject.skip("redis-server (package redis-tools)")

FOLDER = tempfile.mkdtemp(prefix="mpol-redis-")
SOCKET = FOLDER + "/socket"


class Client:
    """One connection, as much of the protocol as is needed here."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(SOCKET)
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        text = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        self.socket.sendall(text)
        return self.answer()

    def answer(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        raise RuntimeError(f"redis answers {line!r}")


def value_of(key, number):
    return hashlib.sha256(f"{key} {number}".encode()).digest() * (1 + number % 40)


def keys_worker(name):
    client, stored = Client(), {}

    def once(number):
        key = f"{name}:{random.randrange(500)}"
        if key in stored and client.ask("GET", key) != value_of(key, stored[key]):
            subject.wrong(f"the value of {key} is another")
        client.ask("SET", key, value_of(key, number))
        stored[key] = number

    return once


def list_worker():
    client = Client()

    def once(number):
        client.ask("RPUSH", "list", number)
        if client.ask("LPOP", "list") != str(number).encode():
            subject.wrong("the list's element is another")

    return once


def counter_worker():
    client = Client()

    def once(number):
        if client.ask("INCR", "counter") != number:
            subject.wrong("the counter is another")

    return once


def blocking_worker():
    """Blocks a while: its timeout is the server's own."""
    client = Client()

    def once(_):
        start = time.monotonic()
        if client.ask("BLPOP", "nothing", "0.02") is not None:
            subject.wrong("something came of nothing")
        if time.monotonic() - start < 0.019:
            subject.wrong("the time-out was early")

    return once


def expiry_worker():
    client = Client()

    def once(number):
        client.ask("SET", "brief", number, "PX", 5)
        time.sleep(0.02)
        if client.ask("GET", "brief") is not None:
            subject.wrong("a key has not expired")

    return once


os.symlink(PROGRAM, FOLDER + "/redis-server")
SERVER = subprocess.Popen(
    ["setpriv", "--pdeathsig", "KILL", FOLDER + "/redis-server", "--port", "0", "--unixsocket", SOCKET]
    + ["--dir", FOLDER, "--save", "1 100", "--io-threads", "2", "--appendonly", "yes"],
    stdin=subprocess.DEVNULL,
    stdout=sys.stderr.fileno() if os.environ.get("MPOL_KILL_VERBOSE") else subprocess.DEVNULL,
)
try:
    while not os.path.exists(SOCKET):
        if SERVER.poll() is not None:
            raise RuntimeError("redis-server does not start")
        time.sleep(0.01)
    WORKERS = [keys_worker("a"), keys_worker("b"), list_worker(), counter_worker()]
    WORKERS += [blocking_worker(), expiry_worker()]
    subject.run([subject.Worker(once) for once in WORKERS], [SERVER.pid])
    if SERVER.poll() is not None:
        subject.say(f"wrong redis-server has ended: {SERVER.returncode}")
finally:
    SERVER.kill()
    SERVER.wait()
    shutil.rmtree(FOLDER, ignore_errors=True)
