"""The report of a ladder: one stage, its own reconstructions, and a playground that predicts."""

from pathlib import Path

import numpy as np
import pytest

from sdae.app.report.facts import Facts, facts_of
from sdae.app.report.report_file import page_of
from sdae.app.runs.run_folder import open_run
from tests.app.cli.commands import done
from tests.app.report.runs import Page, digit_rows, people_run, without_bytes
from tests.app.report.test_page import check

QUICK = ("--recipe=ladder", "--set=ladder.n_updates=60", "--quiet")


@pytest.fixture(scope="session")
def ladder_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ladder on images of digits, of which 50 have labels; to be read only."""
    folder = tmp_path_factory.mktemp("ladder_digits")
    x, y = digit_rows()
    np.savez(folder / "digits.npz", x=x, y=y)
    done("train", folder / "digits.npz", "--labels=50", *QUICK, "--out", folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def ladder_facts(ladder_digits: Path) -> Facts:
    """What its report says."""
    return facts_of(open_run(ladder_digits))


@pytest.fixture(scope="session")
def ladder_page(ladder_facts: Facts) -> Page:
    """Its report."""
    return Page(page_of(ladder_facts))


def test_the_page_has_all_parts_and_words_of_one_stage(
    ladder_page: Page, ladder_facts: Facts
) -> None:
    check(ladder_page)
    wanted = {"training", "layers", "gallery", "answers", "map", "again", "playground"}
    assert wanted <= set(ladder_page.sections)
    words = ladder_page.words
    assert (
        "A ladder: a stack of 2 denoising autoencoders with lateral connections, 64-100-50-10"
        in (words)
    )
    assert "on 1,250 rows, with and without labels, for 3 epochs in" in words
    tuned = ladder_facts.training.finetuning
    assert tuned is not None
    assert f"Its test error is {100 * (tuned.test_error or 0):.2f} %, at the end." in words
    assert "layer 1, after training" in words
    for wrong in ("pre-training", "fine-tun", "masking", "untied"):
        assert wrong not in without_bytes(ladder_page.source).split('id="again"')[0].lower()
    charts = " ".join(e.attributes["aria-label"] for e in ladder_page.all("svg"))
    assert "Ladder: the cost of labels and reconstruction goes from" in charts


def test_rows_are_reconstructed_by_the_ladder(ladder_facts: Facts) -> None:
    gallery = ladder_facts.gallery
    assert gallery is not None
    step = gallery.steps[gallery.trained]
    assert [version.name for version in step.versions] == ["input", "corrupted", "reconstructed"]
    stack = ladder_facts.networks.final.stack
    again = stack.reconstruct(step.versions[1].rows.astype(np.float32)).numpy()
    scaling = ladder_facts.networks.final.scaling
    if scaling is not None:
        again = scaling.undo(stack.reconstruct(scaling.apply(step.versions[1].rows)).numpy())
    np.testing.assert_allclose(step.versions[2].rows, again, atol=1e-3 * np.ptp(again))


def test_the_playground_predicts_and_does_not_reconstruct(
    ladder_facts: Facts, ladder_page: Page
) -> None:
    playground = ladder_facts.playground
    assert playground is not None
    assert playground.autoencoder is None
    assert playground.classifier is not None
    assert playground.agreement is not None
    assert playground.agreement.share > 0.95
    assert "the page cannot reconstruct as a ladder does" in ladder_page.words


def test_a_ladder_on_a_table_of_many_kinds(tmp_path: Path) -> None:
    facts = facts_of(open_run(people_run(tmp_path, *QUICK, settings=())))
    page = Page(page_of(facts))
    check(page)
    assert "all inputs: squared difference, scaled" in page.words
    assert "A reconstructed level has its estimate beside it." in page.words


def test_a_ladder_of_values_has_no_playground(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).round(3)
    lines = ["a,b,c,y", *(",".join(map(str, [*row, row.sum()])) for row in x)]
    (tmp_path / "values.csv").write_text("\n".join(lines) + "\n")
    out = ("--target", "y", "--out", tmp_path / "run")
    done("train", tmp_path / "values.csv", *out, *QUICK)
    page = Page(page_of(facts_of(open_run(tmp_path / "run"))))
    check(page)
    assert "playground" not in page.sections
    assert "nor predict values" in page.words
