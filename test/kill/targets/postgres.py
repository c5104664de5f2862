# SPDX-License-Identifier: MIT
"""
PostgreSQL as a target: transactions move money between accounts, and the sum
of all balances must stay what it was.  The server runs as an unprivileged user
in a folder of its own, without a port.
"""
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import subject

BINARIES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
if not BINARIES or not os.path.exists(BINARIES[-1] + "/initdb"):
    subject.skip("a PostgreSQL server (package postgresql-15)")

FOLDER = tempfile.mkdtemp(prefix="mpol-postgres-")
ACCOUNTS, BALANCE = 100, 1000
QUIET = None if os.environ.get("MPOL_KILL_VERBOSE") else subprocess.DEVNULL
USER = []
if os.geteuid() == 0:
    NOBODY = 65534
    os.chown(FOLDER, NOBODY, NOBODY)
    USER = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
MORTAL = ["setpriv", "--pdeathsig", "KILL"]


def command(name, *arguments, **options):
    everything = USER + MORTAL + [f"{BINARIES[-1]}/{name}", *arguments]
    return subprocess.Popen(
        everything, env={**os.environ, "LC_ALL": "C", "HOME": FOLDER}, cwd=FOLDER, **options
    )


def run(name, *arguments):
    return command(name, *arguments, stdout=QUIET, stderr=QUIET).wait() == 0


class Session:
    """psql with a connection that stays."""

    def __init__(self):
        self.psql = command(
            "psql", "-XqAt", "-h", FOLDER, "-U", "mpol", "-d", "postgres", "-v", "ON_ERROR_STOP=1",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=QUIET, text=True, bufsize=1
        )  # fmt: skip

    def ask(self, statement):
        """The statement's first column, a line each."""
        self.psql.stdin.write(statement + ";\n\\echo --\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "--\n":
                return lines
            lines.append(line.strip())
        raise RuntimeError("the connection has ended: " + " ".join(lines))


def transfer_worker(session, first):
    """Moves money among its own half of the accounts, so that no two transactions wait in a ring."""

    def once(_):
        source, sink = sorted(random.sample(range(first, first + ACCOUNTS // 2), 2))
        amount = random.randrange(1, 50)
        session.ask(
            "BEGIN;"
            f"UPDATE accounts SET balance = balance - {amount} WHERE id = {source};"
            f"UPDATE accounts SET balance = balance + {amount} WHERE id = {sink};"
            "COMMIT"
        )

    return once


def audit_worker(session):
    def once(number):
        total = session.ask("SELECT sum(balance) FROM accounts")
        if total != [str(ACCOUNTS * BALANCE)]:
            subject.wrong(f"the balances sum to {total}")
        if number % 100 == 0:
            session.ask("VACUUM accounts")

    return once


def sort_worker(session):
    def once(number):
        rows = session.ask(
            f"SELECT sum(n) FROM (SELECT n FROM generate_series({number}, {number} + 499) n"
            " ORDER BY md5(n::text)) s"
        )
        if rows != [str(500 * number + 124750)]:
            subject.wrong(f"the numbers sum to {rows}")

    return once


def sleep_worker(session):
    def once(_):
        start = time.monotonic()
        session.ask("SELECT pg_sleep(0.01)")
        if time.monotonic() - start < 0.01:
            subject.wrong("the sleep was short")

    return once


def main():
    data = FOLDER + "/data"
    if not run("initdb", "-D", data, "-U", "mpol", "-A", "trust", "--no-sync"):
        raise RuntimeError("initdb fails")
    server = command(
        "postgres", "-D", data, "-k", FOLDER, "-c", "listen_addresses=", "-c", "fsync=off",
        "-c", "shared_buffers=16MB", "-c", "autovacuum_naptime=1",
        stdin=subprocess.DEVNULL, stdout=QUIET, stderr=QUIET
    )  # fmt: skip
    try:
        while not run("pg_isready", "-h", FOLDER, "-U", "mpol"):
            if server.poll() is not None:
                raise RuntimeError("postgres does not start")
            time.sleep(0.05)
        sessions = [Session() for _ in range(5)]
        sessions[0].ask(
            "CREATE TABLE accounts AS SELECT n AS id, "
            f"{BALANCE} AS balance FROM generate_series(0, {ACCOUNTS - 1}) n"
        )
        pids = [int(session.ask("SELECT pg_backend_pid()")[0]) for session in sessions]
        # The postmaster, and those that serve no client: checkpointer, writers, launcher.
        others = sessions[0].ask("SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'"
                                 " AND backend_type NOT LIKE 'autovacuum worker'")  # fmt: skip
        pids += [server.pid, *map(int, others)]
        workers = [transfer_worker(sessions[0], 0), transfer_worker(sessions[1], ACCOUNTS // 2)]
        workers += [audit_worker(sessions[2]), sort_worker(sessions[3]), sleep_worker(sessions[4])]
        subject.run([subject.Worker(once) for once in workers], pids)
        if server.poll() is not None:
            subject.say(f"wrong postgres has ended: {server.returncode}")
    finally:
        if server.poll() is None:
            run("pg_ctl", "stop", "-D", data, "-m", "immediate")
        server.wait()


try:
    main()
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
