"""The page itself: what it says, how it is built, and that it asks the network for nothing."""

import base64
import io
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdae.app.plots.images import grey_png
from sdae.app.report.colours import class_colours, luminance
from sdae.app.report.facts import Facts, facts_of
from sdae.app.report.page_words import duration, number
from sdae.app.report.report_file import page_of
from sdae.app.report.training_curves import Found
from sdae.app.runs.run_folder import open_run
from sdae.train.history import Finding
from tests.app.cli.commands import done
from tests.app.cli.samples import SMALL, history, write_rows
from tests.app.report.runs import STRANGE, STRANGE_COLUMNS, Page, array_run, train, without_bytes

SECTIONS = ["training", "layers", "gallery", "answers", "map", "again", "playground"]


def page_on(run: Path) -> Page:
    page = Page(page_of(facts_of(open_run(run))))
    check(page)
    return page


def check(page: Page) -> None:
    """Check what holds of every page."""
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    levels = [int(e.tag[1]) for e in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for image in page.all("img"):
        assert len(image.attributes["alt"]) > 10
        assert image.attributes["src"].startswith("data:image/png;base64,")
    for drawing in page.all("svg"):
        assert drawing.attributes["role"] == "img"
        assert len(drawing.attributes["aria-label"]) > 10
    labelled = {e.attributes.get("for") for e in page.all("label")}
    for control in page.all("input", "select"):
        assert control.attributes.get("id") in labelled or "label" in control.inside
    for reference in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', page.source):
        assert reference[0] or reference[1] in ids
    for table in page.all("table"):
        inner = [e for e in page.all("caption") if e.inside[-1] == "table"]
        assert inner, table
    assert page.all("html")[0].attributes["lang"] == "en"
    outside = re.findall(r'(?:src|href|action)="(?!#|data:)[^"]*"', page.source)
    assert outside == []
    assert set(re.findall(r"https?://[^\"' )]*", page.source)) <= {"http://www.w3.org/2000/svg"}
    assert "/tmp/" not in without_bytes(page.source)
    assert len(page.source.encode()) < 4_000_000
    (policy,) = [e for e in page.all("meta") if "http-equiv" in e.attributes]
    assert policy.attributes["content"].startswith("default-src 'none'; img-src data:;")


def test_a_page_has_its_parts_in_order(digit_page: Page, digit_facts: Facts) -> None:
    check(digit_page)
    found = digit_facts.training.findings
    expected = [name for name in SECTIONS if name != "again"]
    expected[5:5] = ["findings", "again"] if found else ["again"]
    assert digit_page.sections == expected
    links = [e.attributes["href"] for e in digit_page.all("a") if "nav" in e.inside]
    assert links == [f"#{name}" for name in expected]


def test_the_same_run_gives_the_same_bytes(digits: Path, digit_page: Page) -> None:
    assert page_of(facts_of(open_run(digits))) == digit_page.source


def test_the_headline_figures_are_those_of_the_run(digits: Path, digit_page: Page) -> None:
    records = [r for r in history(digits) if r["stage"] == "finetuning"]
    best = min(records, key=lambda r: r["validation_error"])
    test, validation = (f"{100 * best[f'{part}_error']:.2f} %" for part in ("test", "validation"))
    words = digit_page.words
    assert "A stack of 2 denoising autoencoders, 64-48-24-10 (4,658 parameters" in words
    assert "was trained on digits: pre-trained without labels on 1,257 rows in" in words
    assert f"Its test error is {test}, taken at the lowest validation error ({validation}" in words
    assert f"Test error{test} Validation error{validation}" in words
    assert f"final network classifies {round(270 * best['test_error'])} wrongly" in words


def test_figures_stand_where_they_belong(digit_page: Page, digit_facts: Facts) -> None:
    answers, probes = digit_facts.answers, digit_facts.probes
    assert answers is not None
    assert probes is not None
    cells = digit_page.cells("Rows by label (down) and prediction (across)")
    assert cells == ["", *(str(count) for count in answers.confusion.ravel())]
    cells = digit_page.cells("Accuracy of probes on the input and on the codes")
    shares = [share for probe in probes.probes for share in (probe.linear, probe.neighbours)]
    assert cells == [f"{100 * share:.1f}\u00a0%" for share in shares]
    alternatives = " ".join(e.attributes["alt"] for e in digit_page.all("img"))
    assert "depth 2, with noise masking:0.3" in alternatives
    charts = " ".join(e.attributes["aria-label"] for e in digit_page.all("svg"))
    assert "Fine-tuning: the negative log-likelihood goes from" in charts
    assert "singular values of the weight of layer 1" in charts
    assert len(digit_page.all("circle")) == 2 * 270


def test_strange_labels_and_columns_are_texts(strange_page: Page) -> None:
    check(strange_page)
    assert len(strange_page.all("script")) == 6  # four of ours, and two of data
    assert "b" not in {e.tag for e in strange_page.elements}
    words = strange_page.words
    for name in (*STRANGE, *STRANGE_COLUMNS):
        assert name in words
    data = json.loads(strange_page.one("map-data").text)
    assert sorted(data["names"]) == sorted(STRANGE)
    played = json.loads(strange_page.one("playground-data").text)
    assert played["columns"] == list(STRANGE_COLUMNS)


def test_tables_have_bars_and_tables_in_place_of_images(strange_page: Page) -> None:
    assert strange_page.all("img") == []
    captions = [e.text for e in strange_page.all("caption")]
    assert sum(caption.startswith("Unit ") for caption in captions) == 6 + 5
    assert any(caption.startswith("Row 0, ") for caption in captions)


def test_a_run_without_labels(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv")
    train(tmp_path / "rows.csv", "--out", tmp_path / "run", *SMALL, "--quiet")
    page = page_on(tmp_path / "run")
    assert page.sections == [name for name in SECTIONS if name != "answers"]
    assert "It is only pre-trained, so it does not classify." in page.words
    assert "so parts that need labels are left out" in page.words
    assert json.loads(page.one("playground-data").text)["classifier"] is None


def test_one_layer_and_three_rows(tmp_path: Path) -> None:
    x = np.array([[0, 1], [1, 0], [1, 1]], np.float32)
    whole = ("--validation=0", "--test=0", "--set=model.hidden_layer_sizes=[2]")
    page = page_on(array_run(tmp_path, x, np.array([0, 1, 1]), *whole))
    assert page.sections == SECTIONS
    assert "There are too few rows to measure what each layer adds." in page.words
    assert "which were also used for training, since the run has no other rows" in page.words
    assert len(page.all("circle")) == 3


def test_five_hundred_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(1500) % 500
    x = (np.eye(500)[y][:, :40] + rng.normal(size=(1500, 40))).astype(np.float32)
    more = ("--validation=0", "--test=0.34", "--set=model.hidden_layer_sizes=[8]")
    page = page_on(array_run(tmp_path, x, y, *more))
    assert "Confusion matrix of 500 classes" in page.all("img")[0].attributes["alt"]
    assert "There are too many classes for a legend" in page.words
    assert "The first 16 of 40 columns are shown." in page.words


def test_data_that_are_gone_leave_out_what_needs_rows(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.csv")
    train(data, "--out", tmp_path / "run", *SMALL, "--quiet")
    data.unlink()
    said = done("report", tmp_path / "run")
    assert said.startswith("The parts that need rows are left out: Cannot read ")
    page = Page((tmp_path / "run" / "report.html").read_text())
    check(page)
    assert page.sections == ["training", "layers", "again", "playground"]
    assert "could not be read when this page was written" in page.words


def test_nothing_trained_on_large_images_that_get_labels_later(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 4, 100), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    none = ("--set=pretraining.epochs=0", "--set=model.hidden_layer_sizes=[3]")
    noise = ("--set=model.corruption=gaussian:0.2", "--set=model.tied=false")
    run = tmp_path / "run"
    done("train", tmp_path / "images.npy", "--out", run, "--quiet", *none, *noise)
    facts = facts_of(open_run(run))
    assert facts.training.curves == ()
    page = Page(page_of(facts))
    check(page)
    assert page.sections == ["layers", "gallery", "map", "again", "playground"]
    filters, *strips = (e.attributes for e in page.all("img"))
    assert filters["alt"] == "Grid of the weights of 3 units of layer 0, as images."
    content = base64.b64decode(filters["src"].split(",")[1])
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (2 * 50 + 1, 2 * 2 + 1)  # every second pixel
    assert "corrupted, with noise gaussian:0.2" in " ".join(strip["alt"] for strip in strips)
    held_out = np.random.default_rng(1).permutation(60)[-1]
    labels = np.where(np.arange(60) == held_out, "other", "usual")
    np.savez(tmp_path / "labelled.npz", x=images, y=labels)
    facts = facts_of(open_run(run), str(tmp_path / "labelled.npz"), playground=False)
    assert facts.rows is not None
    assert facts.rows.classes == ("other", "usual")
    assert (facts.probes, facts.answers) == (None, None)  # fitted on one class, there is no probe


def test_labels_without_fine_tuning(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 5)).astype(np.float32), np.arange(60) % 2
    more = ("--set=model.hidden_layer_sizes=[4]", "--set=finetuning.epochs=0")
    page = page_on(array_run(tmp_path, x, y, *more))
    assert page.sections == SECTIONS
    assert "test error" not in page.words


def test_durations_have_the_unit_that_suits_them() -> None:
    assert [duration(s) for s in (0.5, 119, 120, 7200)] == ["0.5 s", "119 s", "2.0 min", "2.0 h"]


def test_findings_are_shown(digit_facts: Facts) -> None:
    training = digit_facts.training
    found = (Found("Layer 1", 4, Finding("dead units", "All <b>64</b> are dead.")),)
    page = Page(page_of(replace(digit_facts, training=replace(training, findings=found))))
    check(page)
    assert "dead units (Layer 1, epoch 4): All <b>64</b> are dead." in page.words


def test_colours_are_seen_on_both_grounds() -> None:
    colours = class_colours(500)
    assert len(set(colours)) > 450
    for colour in colours:
        light = luminance(colour)
        assert 1.05 / (light + 0.05) >= 3
        assert (light + 0.05) / (luminance("#15171a") + 0.05) >= 3
    assert luminance("#ffffff") == pytest.approx(1)


def test_a_grey_png_is_read_by_others() -> None:
    values = np.array([[0, 0.5, 1], [2, -1, 0.25]], np.float32)
    with Image.open(io.BytesIO(grey_png(values))) as image:
        assert np.asarray(image).tolist() == [[0, 128, 255], [255, 0, 64]]
    with Image.open(io.BytesIO(grey_png(values, -1, 2))) as image:
        assert np.asarray(image).tolist() == [[85, 128, 170], [255, 0, 106]]
    assert grey_png(values) == grey_png(values.copy())
    wide = np.linspace(0, 1, 5000, dtype=np.float32)[None, :]
    with Image.open(io.BytesIO(grey_png(wide))) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (5000, 1))
        assert np.asarray(image).tolist() == np.round(255 * wide).tolist()


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        (1700000012.25, 400.0, "1700000012"),
        (1700000012.25, 0.0, "1.7e+09"),
        (-5.123456, 3.0, "−5.123"),
        (0.0, 3.0, "0"),
        (1e-9, 1e300, "1e−09"),
        (1e300, 1e-300, "1.0000000000000001e+300"),
    ],
)
def test_numbers_have_the_digits_in_which_their_column_differs(
    value: float, span: float, text: str
) -> None:
    assert number(value, span) == text
