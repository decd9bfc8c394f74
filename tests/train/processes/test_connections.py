"""New connections ask for signs of life; the slow tests of two hosts cut a cable for that."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sdae.train.processes.connections import asking

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="done on Linux only")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def asks(connection: socket.socket) -> bool:
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def seconds(connection: socket.socket) -> tuple[int, int]:
    """Return the time without an answer after which a connection fails: idle, and while sending."""
    names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    idle, pause, n_questions = (connection.getsockopt(socket.IPPROTO_TCP, name) for name in names)
    limit = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    return idle + n_questions * pause, limit // 1000


@pytest.mark.parametrize("minutes", [10, 1 / 6, 60])
def test_connections_of_the_block_fail_after_the_time(
    minutes: float, server: socket.socket
) -> None:
    address = server.getsockname()
    with ExitStack() as opened:
        before = opened.enter_context(socket.create_connection(address))
        with asking(minutes):
            within = opened.enter_context(socket.create_connection(address))
            beside, _ = (opened.enter_context(each) for each in socket.socketpair())
        after = opened.enter_context(socket.create_connection(address))
        assert [asks(each) for each in (before, within, after)] == [False, True, False]
        assert seconds(within) == (round(60 * minutes), round(60 * minutes))
        beside.sendall(b"still works")
        within.sendall(b"still works")


def test_a_system_that_does_not_list_open_files_is_left_alone(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.train.processes.connections._OPEN_FILES", Path("/nowhere"))
    with asking(10):
        connection = socket.create_connection(server.getsockname())
    with connection:
        assert not asks(connection)
