"""Coverage-guided fuzzing of the readers, with atheris, which is not among the requirements.

``python -m tests.torture.atheris_target FORMAT SECONDS [FOLDER]`` mutates the samples of a format
(or ``recipe``) for so long, towards lines that were not reached before. Inputs that reach new lines
are kept in FOLDER (default ``fuzz-FORMAT``), and so is one that ends in anything but our own
errors, as ``crash-…``; the status is then not 0.
"""

import gzip
import importlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.torture.sample_files import FORMATS, samples

MAX_SECONDS_PER_INPUT, MAX_MEBIBYTES, MAX_LENGTH = 10, 3000, 1 << 16


def main() -> None:
    """Fuzz one format; atheris ends the process."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else f"fuzz-{name}").resolve()
    if name not in (*FORMATS, "recipe"):
        sys.exit(f"FORMAT must be one of {', '.join(FORMATS)}, recipe. Got {name!r} instead.")
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["sdae.data", "sdae.config"]):
        # Of the package, only these are watched; numpy and zipfile are others' to fuzz.
        import sdae.app.recipes.recipe
        import sdae.data  # noqa: F401

    seeds = folder / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(_seeds(name)):
        (seeds / str(number)).write_bytes(content)
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-timeout={MAX_SECONDS_PER_INPUT}",
        f"-rss_limit_mb={MAX_MEBIBYTES}",
        f"-max_len={MAX_LENGTH}",
        f"-artifact_prefix={folder}/",
        str(folder),
        str(seeds),
    ]
    atheris.Setup(arguments, recipe_target if name == "recipe" else _file_target(name))
    atheris.Fuzz()


def _seeds(name: str) -> list[bytes]:
    if name == "recipe":
        from tests.torture.recipes import case

        return [case(1, number).text.encode("utf-8", "replace") for number in range(50)]
    contents = [content for sample in samples(name) for content in sample.files.values()]
    # Readers tell by the first bytes what is compressed; what is not, can be mutated to the point.
    return contents + [gzip.decompress(c) for c in contents if c[:2] == b"\x1f\x8b"]


def recipe_target(content: bytes) -> None:
    """Read bytes as a recipe: it is refused, or is read back as it was."""
    from sdae.app.recipes.recipe import parse_recipe, write_recipe
    from sdae.core.errors import RecipeError

    try:
        recipe = parse_recipe(content.decode("utf-8", "replace"), "fuzz.toml")
    except RecipeError:
        return
    if parse_recipe(write_recipe(recipe), "again") != recipe:
        raise AssertionError("The recipe is not read back as it was.")


def _file_target(name: str) -> Callable[[bytes], None]:
    """Return what loads bytes as the first file of the format's first sample."""
    from sdae.core.errors import SdaeError
    from sdae.data import load_dataset

    memory = "/dev/shm"  # many times as fast as a disk, where there is one
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if Path(memory).is_dir() else None))
    sample = replace(samples(name)[0], target=None)
    for file, content in sample.files.items():
        (folder / file).write_bytes(content)
    path = folder / next(iter(sample.files))
    targets: tuple[Any, ...] = (
        (None,) if sample.name == "" or name == "pickle" else (None, "y", "a")
    )

    def target(content: bytes) -> None:
        path.write_bytes(content)
        for column in targets:
            try:
                load_dataset(folder / sample.name, column)
            except SdaeError as error:
                if str(folder) not in str(error):
                    raise AssertionError("The error does not name the file.") from error

    return target


if __name__ == "__main__":
    main()
