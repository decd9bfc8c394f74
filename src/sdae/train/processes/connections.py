"""Connections that notice when the host at the other end is lost: its power, or the cable.

A process that only waits for a message learns nothing of that, and the first process may let the
others wait for long. So the system asks each host for signs of life (TCP keep-alive); it answers
also while the process there is busy. gloo has no option for that, so its connections are found
among the open files. Linux only; elsewhere the limits of the groups are the only ones.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_OPEN_FILES = Path("/proc/self/fd")
_N_QUESTIONS = 9


@contextmanager
def asking(minutes: float) -> Iterator[None]:
    """Let connections that are made in the block fail after some minutes without a sign of life."""
    before = _connections()
    yield
    seconds = max(1, round(60 * minutes))
    pause = max(1, seconds // (_N_QUESTIONS + 1))
    for descriptor in _connections() - before:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
            _ask(connection, seconds, pause)


def _ask(connection: socket.socket, seconds: int, pause: int) -> None:
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, pause)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, pause)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _N_QUESTIONS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * seconds)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _connections() -> set[int]:
    """Return the descriptors of this process's sockets; none if the system does not list them."""
    found = set()
    with suppress(OSError):
        for file in _OPEN_FILES.iterdir():
            with suppress(OSError):  # it is closed by now
                if str(file.readlink()).startswith("socket:"):
                    found.add(int(file.name))
    return found
