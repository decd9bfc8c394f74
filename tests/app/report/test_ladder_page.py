"""The report of a ladder: one stage, and its own reconstructions, in the playground too."""

from pathlib import Path

import numpy as np

from sdae.app.report.facts import Facts, facts_of
from sdae.app.report.playground import n_weights
from sdae.app.report.report_file import page_of
from sdae.app.report.table_views import table_rows
from sdae.app.runs.run_folder import open_run
from sdae.core.ladder.folded import FoldedLadder
from tests.app.report.runs import QUICK_LADDER, Page, people_run, without_bytes
from tests.app.report.test_page import check


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
    assert "was trained on digits: on rows with and without labels, by 60 updates, in" in words
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


def test_the_playground_predicts_and_has_the_ladder(ladder_facts: Facts, ladder_page: Page) -> None:
    playground = ladder_facts.playground
    assert playground is not None
    assert playground.classifier is not None
    assert playground.agreement is not None
    assert playground.agreement.share > 0.95
    assert playground.autoencoder is not None
    ladder = playground.autoencoder["ladder"]
    assert ladder["network"] is None  # it is that of the predictions
    assert len(ladder["depths"]) == 4
    stack = ladder_facts.networks.final.stack
    assert isinstance(stack, FoldedLadder)
    both = [*stack.parameters(), *stack.ladder.parameters()]
    assert n_weights(ladder_facts.networks) == sum(p.numel() for p in both)
    less = page_of(ladder_facts, most_bytes=len(ladder_page.source.encode()) - 1)
    assert "Reconstructions are left out of the playground" in Page(less).words


def test_a_ladder_on_a_table_of_many_kinds(tmp_path: Path) -> None:
    facts = facts_of(open_run(people_run(tmp_path, *QUICK_LADDER, settings=())))
    page = Page(page_of(facts))
    check(page)
    assert "all inputs: squared difference, scaled" in page.words
    assert "A reconstructed level has its estimate beside it." in page.words
    gallery = facts.gallery
    assert gallery is not None
    levels = [step.noise.level for step in gallery.steps]
    own = levels[gallery.trained]
    assert own == float(facts.networks.final.stack.autoencoder(0).corruption.level)
    np.testing.assert_allclose(levels, np.multiply([0, 0.5, 1, 1.5, 2, 3], own), rtol=1e-5)
    words = [step.words for step in gallery.steps]
    assert words[gallery.trained] == f"gaussian:{own:.4g}"
    assert all(f"with noise {each}" in page.words for each in words)


def test_a_value_is_missing_after_noise_if_its_indicator_says_so(tmp_path: Path) -> None:
    facts = facts_of(open_run(people_run(tmp_path, *QUICK_LADDER, settings=())))
    gallery, schema = facts.gallery, facts.networks.final.schema
    assert gallery is not None
    assert schema is not None
    step = gallery.steps[gallery.trained]
    x = step.versions[1].rows
    n_values = schema.blocks.n_components - len(schema.blocks.indicators)
    tables = [dict(table.lines) for table in table_rows(gallery, step, schema, ["no", "yes"])]
    seen = set()
    for place, k in enumerate(schema.blocks.indicators):
        column = schema.used[k]
        for row, table in enumerate(tables):
            says_missing = bool(x[row, n_values + place] >= 0.5)
            assert (table[column.name][1].text == "missing") == says_missing
            seen.add(says_missing)
    assert seen == {False, True}
