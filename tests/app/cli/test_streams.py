"""Standard output and standard error that fail: nothing is raised, the exit code tells of it."""

import errno
import io
import os
import sys
from typing import TextIO, cast

import pytest
from rich.console import Console
from rich.live import Live

from sdae.app.cli.streams import KeptStream, KeptStreams, open_missing, output_lost
from sdae.app.cli.terminal import new_console, say, say_on, table_console, tell


class Failing(io.StringIO):
    """A stream that fails when what was written is flushed, as one with a buffer does."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def flush(self) -> None:
        if self.tell():
            raise OSError(self._number, os.strerror(self._number))


def said_in(encoding: str) -> tuple[TextIO, io.BytesIO]:
    """Return a stream of an encoding, and what is to hold its bytes."""
    written = io.BytesIO()
    return io.TextIOWrapper(written, encoding, newline="\n"), written


def kept(stream: TextIO | None, monkeypatch: pytest.MonkeyPatch) -> KeptStreams:
    """Return streams of which the first is `stream`; no descriptor of this process is touched."""
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    return KeptStreams()


def test_a_full_disk_is_told_of_once_and_in_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = kept(Failing(errno.ENOSPC), monkeypatch)
    error = cast(io.StringIO, sys.stderr)
    with streams:
        say("one")
        assert output_lost()
        say("two")
        new_console().print("three")
        assert streams.exit_code(0) == 1
    said = (
        "Error: Cannot write to standard output: No space left on device. "
        "The command did everything else.\n"
    )
    assert error.getvalue() == said
    assert streams.exit_code(2) == 2


def test_a_live_display_does_not_hide_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    with kept(Failing(errno.EIO), monkeypatch):
        console = Console(force_terminal=True)
        with Live(console=console, auto_refresh=False):
            console.print("one")
            assert output_lost()


def test_a_reader_that_left_ends_quietly_as_after_sigpipe(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = kept(Failing(errno.EPIPE), monkeypatch)
    error = cast(io.StringIO, sys.stderr)
    with streams:
        say("one")
        assert streams.exit_code(0) == 141
        assert streams.exit_code(130) == 130
    assert error.getvalue() == ""


def test_a_stream_closed_from_the_beginning_or_meanwhile_is_lost_when_something_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with kept(None, monkeypatch) as streams:
        assert not sys.stdout.isatty()
        assert streams.exit_code(0) == 0
        table_console().print("one")
        assert streams.exit_code(0) == 1
    closed = io.StringIO()
    closed.close()
    with kept(closed, monkeypatch) as streams:
        say("one")
        assert streams.exit_code(0) == 1


def test_standard_error_that_is_lost_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    monkeypatch.setattr(sys, "stderr", Failing(errno.ENOSPC))
    with KeptStreams() as streams:
        assert streams.exit_code(0) == 0
        tell("Warning: a")
        assert streams.exit_code(0) == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_an_encoding_lacks_is_replaced(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, written = said_in(encoding)
    with kept(stream, monkeypatch) as streams:
        say("α × 3–4 … ▁█")
        say_on(new_console(), "β\udcff")
        assert streams.exit_code(0) == 0
    assert written.getvalue() == b"\\u03b1 x 3-4 ... 18\n\\u03b2\\udcff\n"


def test_a_half_of_a_surrogate_pair_is_escaped_in_utf_8(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, written = said_in("utf-8")
    with kept(stream, monkeypatch) as streams:
        print("α \ud800")
        assert streams.exit_code(0) == 0
    assert written.getvalue().decode() == "α \\ud800\n"


def test_what_others_write_to_standard_error_is_escaped() -> None:
    written = io.StringIO()
    print("a\x1b[2J\u202eb\tc", file=KeptStream(written, 2, clean=True))
    assert written.getvalue() == "a\\x1b[2J\\u202eb\tc\n"


def test_closed_descriptors_are_opened_so_that_no_file_gets_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed(descriptor: int) -> None:
        if descriptor == 2:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    told: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", closed)
        patch.setattr(os, "open", lambda *arguments: told.append(arguments))
        open_missing()
    assert told == [(os.devnull, os.O_RDWR)]
