# SPDX-License-Identifier: MIT
"""What the targets written in Python share: the words of subject.h, and workers."""
import os
import sys
import threading
import time
import traceback

_lock = threading.Lock()
_ended = threading.Event()


def say(line):
    with _lock:
        os.write(1, (line + "\n").encode())


def wrong(text):
    """Once the end has been asked for, whatever fails fails because of that."""
    if not _ended.is_set():
        say("wrong " + " ".join(str(text).split())[:200])


def skip(text):
    say("skip " + text)
    sys.exit(77)


class Worker(threading.Thread):
    """Runs once(round) again and again."""

    def __init__(self, once):
        super().__init__(daemon=True)
        self.once = once
        self.rounds = 0
        self.start()

    def run(self):
        try:
            while True:
                self.once(self.rounds + 1)
                self.rounds += 1
        except Exception:
            wrong(traceback.format_exc(limit=-1))


def run(workers, pids):
    """Beats until standard input ends."""
    sys.setswitchinterval(0.0005)
    threading.Thread(target=lambda: (os.read(0, 1), _ended.set()), daemon=True).start()
    say("ready " + " ".join(map(str, pids)))
    while not _ended.is_set():
        seen = [worker.rounds for worker in workers]
        while not _ended.is_set() and any(
            worker.rounds < before + 2 for worker, before in zip(workers, seen)
        ):
            time.sleep(0.001)
        say("beat")
