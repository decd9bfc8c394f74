"""``python -m sdae`` is ``sdae``."""

from sdae.app.cli import main

if __name__ == "__main__":
    main()
