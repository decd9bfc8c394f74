"""Errors of ``sdae impute`` with a run of ``sdae train``, beside SDAEImputer and the mean or mode.

    python benchmarks/imputation_runs.py      # about 9 minutes

Two thirds of the rows of a table are for training, one third are the new rows that are filled; in
both 15 % of the observed cells are hidden at random. The run has the default recipe of tables, the
imputer its defaults. Errors are those of ``imputation.py``; tables that must be downloaded are
left out.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from _machine import describe
from imputation import coded, errors
from imputation_data import FOLDER, hidden_cells, is_number, pd, without

from sdae import SDAEImputer

RATES = (0.15,)
SEEDS = (0,)
ROUNDS = (0, 1)
RESULT = Path(__file__).parent / "results" / "imputation_runs.json"


def tables() -> dict[str, Any]:
    """Return the tables that the repository holds, by name."""
    found = {path.stem: pd.read_csv(path) for path in sorted(FOLDER.glob("*.csv"))}
    found["statecrime"] = found["statecrime"].drop(columns="state")  # differs from row to row
    found["weather"]["date"] = pd.to_datetime(found["weather"]["date"])
    return found


def by_the_command_line(train: Any, new: Any, rounds: int, folder: Path) -> Any:
    """Return new rows filled by a run on the training rows."""
    dates = [f"--parse-dates={name}" for name in train if train[name].dtype.kind == "M"]
    if not (folder / "run").exists():
        train.to_csv(folder / "train.csv", index=False)
        new.to_csv(folder / "new.csv", index=False)
        sdae("train", folder / "train.csv", "--out", folder / "run", "--quiet", *dates)
    out = folder / "full.csv"
    sdae("impute", folder / "run", folder / "new.csv", "-o", out, f"--rounds={rounds}")
    names = [name for name in train if train[name].dtype.kind == "M"]
    return pd.read_csv(out, parse_dates=names)


def sdae(*arguments: str | Path) -> None:
    """Run a command, which must succeed."""
    subprocess.run([sys.executable, "-m", "sdae", *arguments], check=True, capture_output=True)


def simple(train: Any, new: Any) -> Any:
    """Return new rows filled by the mean or the mode of the training rows."""
    values = {
        name: train[name].mean() if is_number(train[name]) else train[name].mode()[0]
        for name in train
    }
    return new.astype(object).fillna(values).astype(train.dtypes)


def measured(table: Any, rate: float, seed: int) -> dict[str, dict[str, float]]:
    """Return the errors of every way to fill the new rows of one table."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(table))
    n_train = 2 * len(table) // 3
    table = table.iloc[rows].reset_index(drop=True)
    floats = {name: float for name in table if table[name].dtype.kind == "i"}
    table = table.astype(floats)  # an integer cannot be missing
    hidden = hidden_cells(table, rate, "random", seed)
    holes = without(table, hidden)
    train, new = holes[:n_train], holes[n_train:].reset_index(drop=True)
    truth, levels = coded(table)
    filled = {"mean or mode": simple(train, new)}
    filled["SDAEImputer"] = SDAEImputer(random_state=seed).fit(train).transform(new)
    with TemporaryDirectory() as folder:
        for rounds in ROUNDS:
            who = f"run, {rounds} rounds"
            filled[who] = by_the_command_line(train, new, rounds, Path(folder))
    unit, _ = coded(holes[:n_train])
    found = {}
    for who, full in filled.items():
        categories = {
            name: pd.Categorical(full[name], known)
            for name, known in zip(table, levels, strict=True)
            if known is not None
        }
        codes, _ = coded(full.assign(**categories))
        found[who] = errors(truth[n_train:], codes, hidden[n_train:], unit, levels)
    return found


def main() -> None:
    """Measure all tables, print a line for each, and write the results."""
    rows = []
    for name, table in tables().items():
        for rate in RATES:
            runs = [measured(table, rate, seed) for seed in SEEDS]
            row: dict[str, Any] = {"table": name, "rate": rate, "seeds": SEEDS}
            for who in runs[0]:
                row[who] = {
                    kind: [run[who][kind] for run in runs if kind in run[who]]
                    for kind in ("numbers", "categories")
                }
            rows.append(row)
            print(
                name, rate, {who: round(float(np.mean(row[who]["numbers"])), 3) for who in runs[0]}
            )
    RESULT.write_text(json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
