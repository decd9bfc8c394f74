"""Write the table of a recipe's options into the guide, from their declarations.

    python tools/options.py [--check]

The table stands between ``<!-- options -->`` and ``<!-- /options -->``. With ``--check`` nothing is
written, and the exit code is 1 where the page has another table.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

from sdae.app.recipes.recipe import TABLES, Recipe, parse_recipe, write_recipe
from sdae.core.options import options_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "guide.md"


def table() -> str:
    """Return a row for each option; one that both stages have in common stands there once."""
    lines = ["| key | default | what it must be | meaning |", "|---|---|---|---|"]
    lines.append("| `seed` | `0` | an integer in [0, 2**64) | Seed of all random numbers. |")
    ladder = parse_recipe("", "a ladder", ["model.kind=ladder"])
    written = (tomllib.loads(write_recipe(recipe)) for recipe in (ladder, Recipe()))
    defaults = {name: part for tables in written for name, part in tables.items()}
    both = options_of(TABLES["pretraining"]).items() & options_of(TABLES["finetuning"]).items()
    for name, kind in TABLES.items():
        for key, option in options_of(kind).items():
            shared = (key, option) in both
            if shared and name == "finetuning":
                continue
            default = json.dumps(defaults[name][key])
            shown = f"both: `.{key}`" if shared else f"`{name}.{key}`"
            must = re.sub(r"'([^']+)'", r"`\1`", option.reader.constraint)
            lines.append(f"| {shown} | `{default}` | {must} | {option.doc} |")
    return "\n".join(lines)


def page_with(content: str) -> str:
    """Return the text of the page with the table in its place."""
    marked = re.compile(r"(<!-- options -->\n).*?(<!-- /options -->)", re.DOTALL)
    return marked.sub(lambda match: f"{match[1]}\n{table()}\n\n{match[2]}", content)


def main() -> int:
    """Write the table, or only look whether it is there."""
    content = PAGE.read_text(encoding="utf-8")
    wanted = page_with(content)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(wanted, encoding="utf-8")
    elif wanted != content:
        print(f"{PAGE.name} has another table of options; run tools/options.py.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
