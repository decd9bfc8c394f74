"""Each kind of messy CSV gets its sentence, and the documentation shows it."""

import re
from pathlib import Path

import pytest

from tests.app.cli.commands import invoke
from tests.app.inspection.messes import MESSES, Mess

ROOT = Path(__file__).parents[3]


def said_of(mess: Mess, folder: Path) -> str:
    path = folder / "table.csv"
    path.write_bytes(mess.content)
    header = mess.content.split(b"\n", 1)[0].decode("utf-8", "replace")
    target = ["--target", "y"] if re.search(r"[,;]y\b", header) else []
    result = invoke("inspect", path, *target)
    assert "Traceback" not in result.stderr
    assert result.exit_code in (0, 2), result.exception
    return result.stdout + result.stderr


@pytest.mark.parametrize("mess", MESSES, ids=lambda mess: mess.kind)
def test_a_messy_csv_gets_its_sentence(mess: Mess, tmp_path: Path) -> None:
    assert mess.said in said_of(mess, tmp_path)


def test_the_documentation_has_every_kind_with_its_sentence() -> None:
    page = (ROOT / "docs/tables.md").read_text()
    shown = re.findall(r"^\| (.+?) \| (.+) \|$", page, re.MULTILINE)
    for mess in MESSES:
        assert (mess.kind, mess.said) in shown
