"""Finding the examples of a Markdown page: its fenced blocks, by language."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path, program: str) -> list[str]:
    """Return the lines of shell blocks that run `program`, without comments and continuations."""
    lines = "\n".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
    bare = (line.split(" #")[0].strip() for line in lines)
    return [line for line in bare if line.startswith(f"{program} ")]
