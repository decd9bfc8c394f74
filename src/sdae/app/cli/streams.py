"""Standard output and standard error: if one is lost, only its text is lost.

A reader may close the pipe (``| head -1``), a disk may be full, a terminal may be closed. Later
output is then dropped, the command runs to its end, and its exit code reports the loss.
"""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO, cast

from sdae.core.wording import printable

LOST = 1
LOST_READER = 128 + 13  # as after SIGPIPE, which ends most programs in this case

_PLAIN = str.maketrans(
    {"×": "x", "–": "-", "−": "-", "…": "...", "━": "-", "╸": "-", "╺": "-"}
    | {bar: str(height) for height, bar in enumerate("▁▂▃▄▅▆▇█", start=1)}
)
"""Replacements of our own characters for a terminal that cannot show them."""


class KeptStream(io.TextIOBase):
    """A stream that remembers an error instead of raising it, and escapes what it cannot encode.

    Parameters
    ----------
    stream : file of text, or None
        None if the descriptor was closed when the process began.
    descriptor : int
        Descriptor of the stream, 1 or 2.
    clean : bool
        Whether to escape unprintable characters. False where a display writes control sequences.

    Attributes
    ----------
    lost : Exception or None
        The error that lost the stream.
    """

    def __init__(self, stream: TextIO | None, descriptor: int, *, clean: bool = False) -> None:
        self.lost: Exception | None = None
        self._stream = stream
        self._descriptor = descriptor
        self._clean = clean

    @property
    def encoding(self) -> str:  # type: ignore[override] # an attribute there
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write text, unless the stream is lost."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes text. Got {type(text).__name__} instead.")
        shown = printable(text, "\n\t") if self._clean else text
        if self.lost is None:
            try:
                self._opened().write(self._encodable(shown))
            except (OSError, ValueError) as error:  # ValueError: it was closed in Python
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written, unless the stream is lost."""
        if self.lost is None and self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def close(self) -> None:
        """Leave the stream open: it is the process's."""

    def isatty(self) -> bool:
        """Return whether the stream exists and is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def _opened(self) -> TextIO:
        if self._stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._stream

    def _lose(self, error: Exception) -> None:
        self.lost = error
        # Flushing its buffer would fail again when the process ends.
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._descriptor)
            os.close(nowhere)

    def _encodable(self, text: str) -> str:
        errors = getattr(self._stream, "errors", None) or "strict"
        try:
            text.encode(self.encoding, errors)
        except UnicodeEncodeError:
            plain = text.translate(_PLAIN).encode(self.encoding, "backslashreplace")
            return plain.decode(self.encoding)
        return text


class KeptStreams:
    """Standard output and standard error while a command runs."""

    def __init__(self) -> None:
        self._before = sys.stdout, sys.stderr
        self.out = KeptStream(sys.stdout, 1)
        self.err = KeptStream(sys.stderr, 2, clean=True)

    def __enter__(self) -> "KeptStreams":
        sys.stdout, sys.stderr = cast(TextIO, self.out), cast(TextIO, self.err)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.stdout, sys.stderr = self._before

    def exit_code(self, code: int) -> int:
        """Return the exit code of a command; if it was 0, a lost stream changes it, with a message.

        A reader that closed the pipe knows that, so there is no message in that case.
        """
        self.out.flush()
        if code == 0 and self.out.lost is not None and not _by_reader(self.out):
            reason = getattr(self.out.lost, "strerror", None) or self.out.lost
            print(
                f"Error: Cannot write to standard output: {reason}. The command did everything "
                "else.",
                file=self.err,
            )
        self.err.flush()
        lost = [stream for stream in (self.out, self.err) if stream.lost is not None]
        if code != 0 or not lost:
            return code
        return LOST_READER if all(map(_by_reader, lost)) else LOST


def output_lost() -> bool:
    """Return whether standard output was lost."""
    # A live display of rich wraps the stream.
    stream = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
    stream.flush()
    return isinstance(stream, KeptStream) and stream.lost is not None


def open_missing() -> None:
    """Open descriptors that were closed when the process began, so that files do not get them.

    Otherwise a file of a run could get descriptor 2, and a library's warning would go into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # this takes the lowest free number


def _by_reader(stream: KeptStream) -> bool:
    return isinstance(stream.lost, BrokenPipeError)
