"""Connections to AWS across a fork: Airflow forks its workers, and these their tasks."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os

from include.aws import client


def list_sockets():
    names = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    links = [os.readlink(name) for name in names if os.path.islink(name)]
    return {link for link in links if link.startswith("socket:")}


client("dynamodb").list_tables()
print(len(list_sockets()))
child = os.fork()
if child == 0:
    print(len(list_sockets()), flush=True)
    client("dynamodb").list_tables()
    print(len(list_sockets()), flush=True)
    os._exit(0)
os.waitpid(child, 0)
client("dynamodb").list_tables()
print(len(list_sockets()))
"""


def test_a_connection_is_kept_but_not_across_a_fork(stand_in):
    python = [sys.executable, "-u", "-c", SCRIPT]
    counts = subprocess.run(python, check=True, capture_output=True, text=True).stdout.split()
    assert counts == ["1", "0", "1", "1"]
