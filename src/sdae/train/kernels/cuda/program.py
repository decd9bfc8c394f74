"""What is compiled for a network: the sources of a kernel, and the numbers fixed in them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SHARED = ("device", "exchange", "sums", "tile", "functions")
_OWN = {
    "train_autoencoder": ("autoencoder",),
    "train_network": ("layers", "network_state", "network"),
}


@dataclass(frozen=True)
class Program:
    """A kernel for one network on one kind of chip, and how it is launched.

    Attributes
    ----------
    kernel : str
        ``train_autoencoder`` or ``train_network``.
    constants : tuple of (str, str)
        Names and values of the macros that the sources expect, without ``SDAE_``.
    n_blocks, n_threads : int
        Blocks of a launch, and threads of each. All blocks must be resident at the same time.
    shared_bytes : int
        Shared memory of a block.
    exchange_words : int
        Words through which blocks exchange numbers; zero before each launch.
    """

    kernel: str
    constants: tuple[tuple[str, str], ...]
    n_blocks: int
    n_threads: int
    shared_bytes: int
    exchange_words: int

    @property
    def source(self) -> str:
        """The sources as one text; messages of a compiler name the file and the line."""
        here = Path(__file__).parent
        parts = []
        for name in (*_SHARED, *_OWN[self.kernel]):
            text = (here / f"{name}.cu").read_text(encoding="utf-8")
            parts.append(f'#line 1 "{name}.cu"\n{text}')
        return "\n".join(parts)

    @property
    def macros(self) -> dict[str, str]:
        """The macros to define, with the sizes that the sources check."""
        return {
            **{f"SDAE_{name}": value for name, value in self.constants},
            "SDAE_BLOCKS": str(self.n_blocks),
            "SDAE_THREADS": str(self.n_threads),
            "SDAE_SHARED_BYTES": str(self.shared_bytes),
            "SDAE_EXCHANGE_WORDS": str(self.exchange_words),
        }

    def fingerprint(self, *circumstances: str) -> str:
        """Return a name for what a compiler makes of this under these circumstances."""
        state = hashlib.sha256()
        macros: Sequence[str] = [f"{name}={value}" for name, value in sorted(self.macros.items())]
        for part in (self.source, *macros, *circumstances):
            state.update(len(part.encode()).to_bytes(8, "little") + part.encode())
        return state.hexdigest()[:32]
