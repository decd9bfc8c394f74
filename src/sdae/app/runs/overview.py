"""Short summaries of runs, and the differences between two runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sdae.app.recipes.recipe import flat_settings
from sdae.app.runs.run_folder import HISTORY, RECIPE, RunFolder
from sdae.core.errors import SdaeError
from sdae.train.history import LADDER, EpochRecord, History, history_of


@dataclass(frozen=True)
class Overview:
    """A summary of a run.

    Attributes
    ----------
    path : Path
    state : str
        ``finished``, ``in progress``, or why it cannot be read.
    data, network : str
        Data and layer sizes of the recipe.
    epochs : int
        Number of epochs of all training so far.
    minutes : float
        Minutes of training.
    validation_error, test_error : float or None
        Errors at the lowest validation error, as shares of rows.
    changed : float
        Time of the last change, in seconds since 1970.
    """

    path: Path
    state: str
    data: str = ""
    network: str = ""
    epochs: int = 0
    minutes: float = 0.0
    validation_error: float | None = None
    test_error: float | None = None
    changed: float = 0.0


def runs_in(folder: Path) -> list[Overview]:
    """Return the runs in a folder, by name."""
    paths = sorted(path.parent for path in folder.glob(f"*/{RECIPE}"))
    return [overview(path) for path in paths if not path.name.startswith(".")]


def overview(path: Path) -> Overview:
    """Return the summary of a run; if it cannot be read, the state says why."""
    run = RunFolder(path)
    try:
        recipe, records = run.recipe(), _records(run)
        changed = (path / RECIPE).stat().st_mtime
    except SdaeError as error:
        return Overview(path, str(error).splitlines()[0])
    tuned = history_of(records) or History()
    sizes = "-".join(str(size) for size in recipe.model.hidden_layer_sizes)
    return Overview(
        path,
        "finished" if run.finished else "in progress",
        recipe.data.source,
        f"{'ladder ' if recipe.is_ladder else ''}{sizes or 'auto'}",
        len(records),
        sum(record.seconds for record in records) / 60,
        tuned.best_validation_error,
        tuned.test_error,
        changed,
    )


def differences(a: RunFolder, b: RunFolder) -> Iterator[tuple[str, str, str]]:
    """Yield the differences between two runs: a name, and its value in each run.

    First the recipes, then the results, then the versions.
    """
    yield from _unequal(flat_settings(a.recipe()), flat_settings(b.recipe()))
    yield from _unequal(_outcome(a), _outcome(b))
    yield from _unequal(*(dict(run.model().provenance) for run in (a, b)))


def _unequal(a: Mapping[str, object], b: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys([*a, *b]):
        ours, theirs = str(a.get(name, "–")), str(b.get(name, "–"))
        if ours != theirs:
            yield name, ours, theirs


def _outcome(run: RunFolder) -> dict[str, object]:
    """Return the results of training, as texts."""
    records = run.records()
    tuned = history_of(records)
    outcome: dict[str, object] = {}
    for layer in sorted({r.layer for r in records if r.layer is not None}):
        outcome[f"cost of layer {layer}"] = f"{_last_cost(records, layer):.5g}"
    if tuned is not None:
        of = "the ladder" if tuned.records[0].stage == LADDER else "fine-tuning"
        outcome[f"epochs of {of}"] = len(tuned.records)
        if tuned.records[0].stage != LADDER:  # its errors are those of the end
            outcome["best epoch"] = tuned.best_epoch
        for name, error in (
            ("validation error", tuned.best_validation_error),
            ("test error", tuned.test_error),
        ):
            outcome[name] = "–" if error is None else f"{100 * error:.2f} %"
    outcome["minutes"] = f"{sum(record.seconds for record in records) / 60:.2f}"
    findings = [finding.kind for record in records for finding in record.findings]
    outcome["doctor"] = ", ".join(findings) or "nothing found"
    return outcome


def _last_cost(records: list[EpochRecord], layer: int) -> float:
    return [record.cost for record in records if record.layer == layer][-1]


def _records(run: RunFolder) -> list[EpochRecord]:
    return run.records() if (run.path / HISTORY).exists() else []
