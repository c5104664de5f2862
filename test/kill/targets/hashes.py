# SPDX-License-Identifier: MIT
"""A Python target: threads that hash, compress, sort and sleep, and check each other's work."""
import gc
import hashlib
import os
import queue
import time
import zlib

import subject

INPUT = bytes(range(256)) * 64
FIRST = hashlib.sha256(INPUT).hexdigest()


def hash_once(_):
    if hashlib.sha256(INPUT).hexdigest() != FIRST:
        subject.wrong("the hash is another")


def compress_once(number):
    data = (b"%d " % number) * 2000
    if zlib.decompress(zlib.compress(data)) != data:
        subject.wrong("what was compressed is another")


def build_once(number):
    numbers = {i: str(number + i) for i in range(500)}
    if sum(map(int, numbers.values())) != 500 * number + 124750:
        subject.wrong("the sum is another")
    if number % 50 == 0:
        gc.collect()


def sleep_once(_):
    start = time.monotonic()
    time.sleep(0.003)
    if time.monotonic() - start < 0.003:
        subject.wrong("the sleep was short")


READ, WRITE = os.pipe()


def pipe_once(number):
    os.write(WRITE, b"%016x" % number)
    if int(os.read(READ, 16), 16) != number:
        subject.wrong("another number came out of the pipe")


NUMBERS = queue.Queue(10)


def put_once(number):
    NUMBERS.put(number)


def get_once(number):
    if NUMBERS.get() != number:
        subject.wrong("another number came out of the queue")


ALL = [hash_once, compress_once, build_once, sleep_once, pipe_once, put_once, get_once]
subject.run([subject.Worker(once) for once in ALL], [os.getpid()])
