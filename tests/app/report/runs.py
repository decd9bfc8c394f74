"""Small runs for reports, and what a page is made of."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from tests.app.cli.commands import done
from tests.app.cli.pictures import no_pictures_drawn
from tests.app.cli.samples import SMALL, measurements, write_table

STRANGE = ("<script>alert('1')</script>", 'żółć & "q" 你好', "$x^{$ </style>")
STRANGE_COLUMNS = ("<b>a</b>", "b & c", "$c_{", "עברית")
QUICK = ("--set=finetuning.epochs=2", "--set=pretraining.epochs=1", "--quiet")


def digit_rows() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return scikit-learn's digits as bytes, (1797, 8, 8), and their labels."""
    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 8, 8) * 15).astype(np.uint8), labels.astype(np.int64)


def train(*arguments: str | Path) -> None:
    """Train without pictures: a report draws its own."""
    with no_pictures_drawn():
        done("train", *arguments)


def digit_run(folder: Path) -> Path:
    """Train on the digits, so that most are classified rightly."""
    x, y = digit_rows()
    np.savez(folder / "digits.npz", x=x, y=y)
    train(
        *(folder / "digits.npz", "--out", folder / "run", "--quiet"),
        "--set=model.hidden_layer_sizes=[48,24]",
        "--set=pretraining.epochs=3",
        "--set=pretraining.batch_size=20",
        "--set=finetuning.epochs=12",
        "--set=finetuning.batch_size=20",
        "--set=finetuning.dropout=0",
    )
    return folder / "run"


def strange_run(folder: Path) -> Path:
    """Train on a table whose labels and columns contain HTML, Unicode and what TeX minds."""
    columns: list[list[object]] = [list(column) for column in measurements().T]
    labels = ['"' + STRANGE[row % 3].replace('"', '""') + '"' for row in range(90)]
    write_table(folder / "strange.csv", (*STRANGE_COLUMNS, "kind"), [*columns, labels])
    target = ("--target", "kind", "--out", folder / "run")
    done("train", folder / "strange.csv", *target, *SMALL, "--quiet")
    return folder / "run"


QUICK_LADDER = ("--recipe=ladder", "--set=ladder.n_updates=60", "--quiet")


def ladder_run_of_digits(folder: Path) -> Path:
    """Train a ladder on images of digits, of which 50 have labels."""
    x, y = digit_rows()
    np.savez(folder / "digits.npz", x=x, y=y)
    train(folder / "digits.npz", "--labels=50", *QUICK_LADDER, "--out", folder / "run")
    return folder / "run"


def ladder_run_of_values(folder: Path) -> Path:
    """Train a ladder on a table of numbers, to predict one of them."""
    x = np.random.default_rng(0).normal(size=(60, 3)).round(3)
    lines = ["a,b,c,y", *(",".join(map(str, [*row, row.sum()])) for row in x)]
    (folder / "values.csv").write_text("\n".join(lines) + "\n")
    out = ("--target", "y", "--out", folder / "run")
    train(folder / "values.csv", *out, *QUICK_LADDER)
    return folder / "run"


PEOPLE = ("town", "size", "smoker", "since", "grade", "rooms", "country")


def people(n_rows: int = 150, seed: int = 5) -> list[list[object]]:
    """Return columns of every kind, with gaps: ``PEOPLE``, then whether a person is tall."""
    rng = np.random.default_rng(seed)
    town = rng.choice(["Ghent", "Liège", "<b>Mons</b>"], n_rows).tolist()
    size = np.round(rng.normal(170, 10, n_rows), 1)
    tall = [
        "yes" if s + 8 * (t == "Ghent") > 172 else "no" for s, t in zip(size, town, strict=True)
    ]
    days = np.datetime64("2020-01-01") + rng.integers(0, 1500, n_rows)
    columns: list[list[object]] = [
        ["" if rng.random() < 0.1 else value for value in town],
        ["" if rng.random() < 0.2 else value for value in size],
        ["" if rng.random() < 0.1 else rng.choice(["true", "false"]) for _ in town],
        list(days),
        list(rng.choice(["low", "high"], n_rows)),
        list(rng.integers(1, 9, n_rows)),
        ["Belgium"] * n_rows,
    ]
    labels: list[object] = list(tall)
    return [*columns, labels]


def people_run(folder: Path, *more: str, settings: tuple[str, ...] = SMALL) -> Path:
    """Train on people: a model with a schema."""
    write_table(folder / "people.csv", (*PEOPLE, "tall"), people())
    target = ("--target", "tall", "--parse-dates", "since", "--out", folder / "run")
    train(folder / "people.csv", *target, *settings, "--quiet", *more)
    return folder / "run"


def array_run(folder: Path, x: NDArray[np.float32], y: NDArray[np.int64], *more: str) -> Path:
    """Train on arrays."""
    np.savez(folder / "data.npz", x=x, y=y)
    out = ("--out", folder / "run")
    train(folder / "data.npz", *out, *QUICK, *more)
    return folder / "run"


def without_bytes(source: str) -> str:
    """Return a page without what is in base64, where any letters may meet."""
    return re.sub(r"[A-Za-z0-9+/=]{50,}", "", source)


@dataclass
class Element:
    """An element of a page: its attributes, and the text directly in it."""

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements of a page, in order."""

    source: str
    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        attributes = {name: value or "" for name, value in attrs}
        element = Element(tag, attributes, tuple(above.tag for above in self._open))
        self.elements.append(element)
        if tag not in ("meta", "link", "img", "input", "br"):
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append(Element(tag, attributes, tuple(above.tag for above in self._open)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element, which must be the innermost."""
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add a text to what is open."""
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        """Return the elements with one of some tags."""
        return [element for element in self.elements if element.tag in tags]

    def cells(self, caption: str) -> list[str]:
        """Return the texts of the data cells of the table with a caption."""
        places = [i for i, e in enumerate(self.elements) if e.tag == "caption"]
        (start,) = [i for i in places if self.elements[i].text == caption]
        after = self.elements[start:]
        end = next((i for i, e in enumerate(after) if e.tag == "table"), len(after))
        return [e.text for e in after[:end] if e.tag == "td"]

    def one(self, identity: str) -> Element:
        """Return the element of an id."""
        (found,) = [e for e in self.elements if e.attributes.get("id") == identity]
        return found

    @property
    def sections(self) -> list[str]:
        """The ids of the sections."""
        return [e.attributes["id"] for e in self.all("section") if "id" in e.attributes]

    @property
    def words(self) -> str:
        """What is to be read: all texts but scripts, in single spaces."""
        unread = [e.text for e in self.all("script", "style")]
        (body,) = self.all("body")
        text = body.text
        for script in unread:
            text = text.replace(script, "")
        return " ".join(text.split())
