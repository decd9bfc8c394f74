"""Links lead somewhere, named files are there, and every decision says why and what follows."""

import re
from pathlib import Path

import pytest

from tests.docs.examples import ROOT

PACKAGE = ROOT / "src" / "sdae"
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/README.md"})
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
ABOUT_CODE = [ROOT / "ARCHITECTURE.md", ROOT / "docs/adding-a-kind.md", *DECISIONS]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def boxes_and_rooms(page: Path) -> dict[str, str]:
    """Return the text beside each box in the table of a page."""
    return dict(re.findall(r"^\| `(\w+)/` \| (.*) \|$", page.read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_links_of_a_page_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"https?:|mailto:|#", target):
            assert (page.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", ABOUT_CODE, ids=name)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    rooms = "".join(re.findall(r"`[^`]*`", " ".join(boxes_and_rooms(page).values())))
    for path in re.findall(r"`([\w./-]+/[\w./-]*)`", page.read_text()):
        if f"`{path}`" not in rooms and not path.startswith("/"):
            assert (ROOT / path).exists() or (PACKAGE / path).exists(), path


def test_the_architecture_names_every_box_and_only_rooms_that_are_there() -> None:
    found = boxes_and_rooms(ROOT / "ARCHITECTURE.md")
    boxes = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert set(found) == boxes - {"export", "training"}  # names for users
    for box, text in found.items():
        for room in re.findall(r"`([\w./]+)`", text):
            assert (PACKAGE / box / room).exists(), f"{box}/{room}"


def test_the_architecture_is_one_page() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 90


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_has_a_context_and_consequences(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.name[:3]} ")
    parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)[1:]
    assert parts[::2] == ["Context", "Decision", "Consequences"]
    assert all(len(part.split()) >= 3 for part in parts[1::2])


def test_the_index_lists_the_decisions_by_their_titles() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text()
    listed = re.findall(r"^\| (\d{3}) \| \[(.*)\]\((.*)\) \|$", index, re.MULTILINE)
    expected = []
    for page in DECISIONS:
        number, title = page.read_text().split("\n")[0].removeprefix("# ").split(" ", 1)
        expected.append((number, title, page.name))
    assert listed == expected
    assert [int(number) for number, *_ in listed] == list(range(1, len(listed) + 1))
