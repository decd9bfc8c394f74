"""The report of a table with columns of every kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sdae.app.report.facts import Facts, facts_of
from sdae.app.report.report_file import page_of
from sdae.app.report.table_words import component_text, date_text, level_text, values_of
from sdae.app.runs.run_folder import open_run
from sdae.core.schema.column_json import Block
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn
from sdae.core.schema.raw_table import ColumnType
from tests.app.cli.samples import write_table
from tests.app.report.runs import PEOPLE, Page, people, people_run, train
from tests.app.report.test_page import check

KINDS = {
    "size": "number",
    "rooms": "number",
    "since": "date",
    "smoker": "binary",
    "grade": "binary",
    "town": "category",
}


def test_columns_stand_by_kind_and_count_their_inputs(crowd_page: Page, crowd_facts: Facts) -> None:
    check(crowd_page)
    assert crowd_page.sections[:3] == ["training", "columns", "layers"]
    cells = np.reshape(crowd_page.cells("Columns of the table"), (6, 8))
    assert cells[:, 0].tolist() == list(KINDS.values())
    schema = crowd_facts.networks.final.schema
    assert schema is not None
    counts = dict.fromkeys(KINDS, 0)
    for part in schema.parts:
        counts[part.split(" ")[0]] += 1
    assert cells[:, 2].tolist() == [str(counts[name]) for name in KINDS]
    values = dict(zip(KINDS, cells[:, 1], strict=True))
    assert values["smoker"] == "false, true"
    assert values["town"] == "<b>Mons</b>, Ghent, Liège"
    assert values["rooms"] == "1 to 8"
    assert values["since"].startswith("2020-")
    assert "country (constant: Belgium)" in crowd_page.words
    assert cells[0, 3] != "0.0\u00a0%"
    assert cells[0, 6] == "1 σ"


def test_errors_and_effects_are_those_of_the_network(crowd_facts: Facts) -> None:
    hidden, rows = crowd_facts.hidden, crowd_facts.rows
    pretrained, final = crowd_facts.networks.pretrained, crowd_facts.networks.final
    assert hidden is not None
    assert rows is not None
    assert final.schema is not None
    names = [column.name for column in final.schema.used]
    facts = dict(zip(names, hidden.columns, strict=True))
    x = rows.shown.x
    assert hidden.n_rows == len(x)
    # A column that is hidden is one that a table lacks: encode it so.
    raw = rows.shown.raw
    assert raw is not None
    for name in KINDS:
        place = names.index(name)
        gone = replace(
            raw.columns[place],
            values=np.full(
                len(x),
                None if raw.columns[place].type is ColumnType.TEXT else np.nan,
                raw.columns[place].values.dtype,
            ),
        )
        columns = list(raw.columns)
        columns[place] = gone
        with_gaps = (
            final.schema.encode(type(raw)(columns))
            if final.schema.used[place].has_gaps
            else _at_gap(crowd_facts, name)
        )
        known = ~raw.columns[place].missing
        p, p_hidden = (
            final.stack.predict_proba(torch.from_numpy(each)).numpy() for each in (x, with_gaps)
        )
        effect = np.abs(p - p_hidden)[known].sum(axis=1).mean() / 2
        assert facts[name].effect == pytest.approx(effect, rel=1e-4)
        assert facts[name].n_known == known.sum()
        before, after = (
            pretrained.stack.encode(torch.from_numpy(each)).detach().numpy()
            for each in (x, with_gaps)
        )
        change = np.sqrt(np.square(before - after).mean(axis=0))
        np.testing.assert_allclose(hidden.units[-1][:, place], change, rtol=1e-3, atol=1e-6)
        x_hat = pretrained.stack.reconstruct(torch.from_numpy(x)).detach().numpy()
        at = dict(zip(names, (part for _, part in final.schema.places()), strict=True))[name]
        if final.schema.used[place].block is Block.NUMBER:
            first = at.start
            error = np.sqrt(np.square(x[known, first] - x_hat[known, first]).mean())
            assert facts[name].seen == pytest.approx(error / x[known, first].std(), rel=1e-4)
            assert facts[name].guess == pytest.approx(1)
        if name == "town":
            right = x_hat[known, at][x[known, at] == 1]
            assert facts[name].seen == pytest.approx(-np.log(right).mean(), rel=1e-4)
            shares = x[known, at].mean(axis=0)
            assert facts[name].guess == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-4)


def _at_gap(facts: Facts, name: str) -> np.ndarray:
    """Return the rows with a column that had no gaps at the value of one."""
    assert facts.rows is not None
    schema = facts.networks.final.schema
    assert schema is not None
    x = facts.rows.shown.x.copy()
    for column, at in schema.places():
        if column.name == name:
            x[:, at] = column.gaps
    return x


def test_rows_are_shown_as_values_of_the_table(crowd_page: Page, crowd_facts: Facts) -> None:
    gallery = crowd_facts.gallery
    assert gallery is not None
    assert gallery.part.raw is not None
    schema = crowd_facts.networks.final.schema
    assert schema is not None
    captions = [e.text for e in crowd_page.all("caption")]
    first = next(caption for caption in captions if caption.startswith("Row "))
    n_tables = sum(caption == first for caption in captions)
    assert n_tables == len(gallery.steps)
    raws = dict(zip((c.name for c in schema.used), gallery.part.raw, strict=True))
    rooms, town = raws["rooms"].values[0], raws["town"].values[0]
    lines = _lines(crowd_page, first, gallery.trained)
    assert list(lines) == list(PEOPLE[:-1])
    assert lines["rooms"][0] == str(int(rooms))
    assert lines["town"][0] == (town or "missing")
    assert lines["grade"][0] in ("low", "high")
    assert lines["smoker"][2].endswith("\u00a0%)")
    assert lines["since"][0] == date_text(raws["since"].values[0], has_time=False)
    every = [cell for step in range(len(gallery.steps)) for cell in _changed(crowd_page, step)]
    assert set(every) == {"hidden"}
    assert _changed(crowd_page, 0) == []
    assert "numbers: squared difference, scaled" in crowd_page.words
    worst = crowd_facts.answers
    assert worst is not None
    assert worst.worst, "the run has to err"
    assert crowd_facts.rows is not None
    assert crowd_facts.rows.shown.raw is not None
    place = worst.worst[0].place
    shown = dict(zip((c.name for c in schema.used), crowd_facts.rows.shown.raw, strict=True))
    (caption,) = [c for c in captions if "predicted as" in c][:1]
    cells = crowd_page.cells(caption)
    assert cells[PEOPLE.index("grade")] == shown["grade"].values[place]


def _lines(page: Page, caption: str, step: int) -> dict[str, list[str]]:
    """Return the lines of the table with a caption, of the step of a number."""
    places = [i for i, e in enumerate(page.elements) if e.tag == "caption" and e.text == caption]
    lines: dict[str, list[str]] = {}
    name = ""
    for element in page.elements[places[step] + 1 :]:
        if element.tag == "table":
            break
        if element.tag == "th" and element.attributes.get("scope") == "row":
            name = element.text
            lines[name] = []
        if element.tag == "td":
            lines[name].append(element.text)
    return lines


def _changed(page: Page, step: int) -> list[str]:
    steps = [i for i, e in enumerate(page.elements) if "data-noise" in e.attributes]
    ends = [*steps[1:], len(page.elements)]
    inside = page.elements[steps[step] : ends[step]]
    return [e.text for e in inside if "changed" in e.attributes.get("class", "")]


def test_units_are_moved_by_columns_of_the_table(crowd_page: Page, crowd_facts: Facts) -> None:
    hidden = crowd_facts.hidden
    assert hidden is not None
    unit = int(crowd_facts.layers[0].units[0])
    changes = np.sort(hidden.units[0][unit])[::-1]
    lines = _lines(crowd_page, f"Unit {unit}", 0)
    assert [float(cell) for (cell,) in lines.values()] == pytest.approx(changes[:6], rel=1e-3)


def test_other_rows_may_have_levels_that_training_had_not(crowd: Path, tmp_path: Path) -> None:
    columns = people(40, seed=8)
    columns[0] = ["Namur" if row % 2 else value for row, value in enumerate(columns[0])]
    columns[4] = ["middling" if row % 2 else value for row, value in enumerate(columns[4])]
    columns[3] = ["" for _ in columns[3]]
    write_table(tmp_path / "new.csv", (*PEOPLE, "tall"), columns)
    with pytest.warns(UserWarning, match="missing values in column since"):
        facts = facts_of(open_run(crowd), str(tmp_path / "new.csv"))
    page = Page(page_of(facts))
    check(page)
    assert facts.hidden is not None
    schema = facts.networks.final.schema
    assert schema is not None
    of_column = dict(zip((c.name for c in schema.used), facts.hidden.columns, strict=True))
    assert (of_column["since"].n_known, of_column["since"].seen) == (0, None)
    assert of_column["since"].effect is None
    shares = np.array([columns[4].count("low"), columns[4].count("high")]) / 20
    assert of_column["grade"].guess == pytest.approx(-(shares * np.log(shares)).sum())
    assert "Namur" in page.words
    assert "middling" in page.words


def test_a_run_without_labels_shows_what_moves_its_code(tmp_path: Path) -> None:
    run = people_run(tmp_path, "--set=finetuning.epochs=1")
    assert run.is_dir()
    write_table(tmp_path / "rows.csv", PEOPLE, people()[:-1])
    out = ("--out", tmp_path / "plain", "--quiet", "--set=pretraining.epochs=1")
    train(tmp_path / "rows.csv", "--parse-dates", "since", *out)
    facts = facts_of(open_run(tmp_path / "plain"))
    page = Page(page_of(facts))
    check(page)
    assert "the deepest code changes if the column is hidden" in page.words
    assert facts.hidden is not None
    assert all(column.effect for column in facts.hidden.columns)


def test_without_rows_the_columns_are_still_told(tmp_path: Path) -> None:
    run = people_run(tmp_path)
    (tmp_path / "people.csv").unlink()
    page = Page(page_of(facts_of(open_run(run))))
    check(page)
    cells = np.reshape(page.cells("Columns of the table"), (6, 3))
    assert cells[:, 0].tolist() == list(KINDS.values())
    assert not any(e.text.startswith("Unit ") for e in page.all("caption"))


def test_words_of_values() -> None:
    binary = BinaryColumn("b", ColumnType.TEXT, ("low", "high"), 0.5, has_gaps=False)
    assert component_text(binary, np.array([0.5])) == ("high", 0.5)
    assert component_text(binary, np.array([0.25])) == ("low", 0.75)
    levels = tuple(f"l{k}" for k in range(8))
    category = CategoryColumn("c", ColumnType.TEXT, levels, "rare", has_gaps=False)
    assert component_text(category, np.eye(9)[8]) == ("other", 1)
    assert values_of(category, None) == "l0, l1, l2, l3, l4, l5, …, other"
    whole = replace(binary, type=ColumnType.NUMBER, levels=(0.0, 1.0))
    assert level_text(whole, 1.0) == "1"
    assert level_text(replace(whole, type=ColumnType.BOOLEAN), 1.0) == "true"
    assert date_text(86399.6, has_time=False) == "1970-01-02"
    assert date_text(3661.0, has_time=True) == "1970-01-01 01:01:01"
    assert date_text(1e300, has_time=True) == "–"
