"""Damaged data files and recipes: some of each in every run of the tests, many in the slow ones.

One that fails is named by its seed and number: ``mutations.case(format, seed, number)`` and
``recipes.case(seed, number)`` make it again.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.torture import recipes
from tests.torture.mutations import Child, Row, case, run
from tests.torture.outcome import load
from tests.torture.sample_files import FORMATS, Sample, samples

SEED = 1
N_MUTATIONS, N_RECIPES = 150, 200


@pytest.fixture(scope="module")
def rows() -> Sequence[Row]:
    return run(N_MUTATIONS, SEED)


def failures(rows: Sequence[Row]) -> list[str]:
    return [
        f"{row.format}, seed {SEED}, mutation {row.case}: {row.outcome.detail}"
        for row in rows
        if row.outcome.result == "failed"
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_loaded_or_refused_in_words(name: str, rows: Sequence[Row]) -> None:
    own = [row for row in rows if row.format == name]
    assert len(own) == N_MUTATIONS
    assert failures(own) == []
    assert {row.outcome.result for row in own} == {"loaded", "refused"}


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_not_damaged_is_loaded(name: str, tmp_path: Path) -> None:
    for number, sample in enumerate(samples(name)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for file, content in sample.files.items():
            (folder / file).write_bytes(content)
        outcome = load(folder / sample.name, sample.target)
        assert outcome.result == "loaded", outcome.detail


@pytest.mark.parametrize("name", FORMATS)
def test_a_mutation_can_be_made_again(name: str) -> None:
    assert [case(name, SEED, number) for number in range(20)] == [
        case(name, SEED, number) for number in range(20)
    ]
    assert case(name, SEED, 1) != case(name, SEED + 1, 1)


def test_a_crash_of_the_interpreter_is_a_failure_and_the_next_file_is_loaded(
    tmp_path: Path,
) -> None:
    sample = Sample({"rows.csv": b"a\n1\n"}, "rows.csv")
    with Child() as child:
        child.process.kill()
        child.process.wait()
        outcome = child.load(sample, tmp_path)
        assert (outcome.result, outcome.detail) == (
            "failed",
            "the process ended with status -9, or hung",
        )
        assert child.load(sample, tmp_path).result == "loaded"


def test_a_recipe_is_read_back_or_refused_by_its_key() -> None:
    outcomes = [recipes.judge(recipes.case(SEED, number)) for number in range(N_RECIPES)]
    assert [
        f"seed {SEED}, recipe {number}: {detail}"
        for number, (result, detail) in enumerate(outcomes)
        if result == "failed"
    ] == []
    assert {result for result, _ in outcomes} == {"read", "refused"}


@pytest.mark.parametrize("title", recipes.heavy_cases())
def test_a_recipe_beyond_measure_is_refused_in_time(title: str) -> None:
    result, detail = recipes.judge(recipes.heavy_cases()[title]())
    assert result == ("read" if title == "comments" else "refused"), detail


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_many_damaged_files_and_large_ones(name: str) -> None:
    assert failures(run(2000, SEED, [name], heavy=True)) == []


@pytest.mark.slow
def test_many_recipes() -> None:
    outcomes = [recipes.judge(recipes.case(SEED, number)) for number in range(1000)]
    assert [detail for result, detail in outcomes if result == "failed"] == []
