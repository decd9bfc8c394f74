"""Entry point of the command line: handles signals before the slow imports."""

import sys

from sdae.app.cli.at_once import AtOnce


def main() -> None:
    """Run the command line, and exit."""
    at_once = AtOnce()
    at_once.install()
    sys.exit(_run(at_once))


def _run(at_once: AtOnce) -> int:
    """Run the command; return its exit code, which reports a lost terminal."""
    from sdae.app.cli.streams import KeptStreams, open_missing

    open_missing()
    with KeptStreams() as streams:
        from sdae.app.cli.typer_app import app, import_named

        import_named(sys.argv[1:])
        at_once.message = "Interrupted.\n"  # from here the command handles signals until it ends
        code = 0
        try:
            app()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        at_once.code = code
        at_once.code = streams.exit_code(code)
    return at_once.code
