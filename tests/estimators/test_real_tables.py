"""Real tables give the same model, to the byte, from every file and every data frame."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae import SDAEImputer, SDAETransformer
from sdae.data import open_table
from tests.estimators.helpers import quick

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
arrow_csv = pytest.importorskip("pyarrow.csv")

TABLES = sorted((Path(__file__).parents[1] / "data" / "tables").glob("*.csv"))
DIFFERENT = {"statecrime": ["state"]}  # a text in each row, which no network takes
DATES = {"weather": "date"}


def of_pandas(path: Path) -> Any:
    table = pd.read_csv(path).drop(columns=DIFFERENT.get(path.stem, []))
    if date := DATES.get(path.stem):
        table[date] = pd.to_datetime(table[date])
    return table


def of_polars(path: Path) -> Any:
    table = pl.read_csv(path, null_values="NA", infer_schema_length=None)
    table = table.drop(DIFFERENT.get(path.stem, []))
    if date := DATES.get(path.stem):
        table = table.with_columns(pl.col(date).str.to_date("%Y/%m/%d"))
    return table


def of_arrow(path: Path) -> Any:
    options = arrow_csv.ConvertOptions(strings_can_be_null=True, null_values=["NA", ""])
    table = arrow_csv.read_csv(path, convert_options=options)
    table = table.drop_columns(DIFFERENT.get(path.stem, []))
    if date := DATES.get(path.stem):
        days = pa.compute.strptime(table[date], "%Y/%m/%d", "s")
        table = table.set_column(table.column_names.index(date), date, days)
    return table


def with_categories(table: Any) -> Any:
    return table.astype(dict.fromkeys(table.select_dtypes("str"), "category"))


def with_nullable_types(table: Any) -> Any:
    types = {"i": "Int64", "f": "Float64"}
    wanted = {name: types.get(table[name].dtype.kind) for name in table}
    return table.astype({name: dtype for name, dtype in wanted.items() if dtype})


def through_parquet(read: Callable[[Path], Any]) -> Callable[[Path, Path], Any]:
    """Return what reads a CSV with pandas, writes Parquet, and reads that."""

    def read_again(path: Path, folder: Path) -> Any:
        of_pandas(path).to_parquet(folder / "table.parquet")
        return read(folder / "table.parquet")

    return read_again


FORMS: dict[str, Callable[[Path, Path], Any]] = {
    "polars": lambda path, _: of_polars(path),
    "arrow": lambda path, _: of_arrow(path),
    "nullable pandas": lambda path, _: with_nullable_types(of_pandas(path)),
    "categories": lambda path, _: with_categories(of_pandas(path)),
    "parquet, pandas": through_parquet(pd.read_parquet),
    "parquet, polars": through_parquet(pl.read_parquet),
    "parquet, arrow": through_parquet(parquet.read_table),
}


def bytes_of(kind: type, table: Any, folder: Path) -> bytes:
    """Return the file of a quick estimator after ``fit``."""
    quick(kind, pretrain_epochs=1).fit(table).save(folder / "model.safetensors")
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", [SDAETransformer, SDAEImputer])
@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_form_of_a_real_table_gives_the_same_bytes(
    path: Path, kind: type, tmp_path: Path
) -> None:
    expected = bytes_of(kind, of_pandas(path), tmp_path)
    for form, read in FORMS.items():
        assert bytes_of(kind, read(path, tmp_path), tmp_path) == expected, form


def test_whole_numbers_in_a_type_of_integers_come_back_as_integers() -> None:
    table = of_pandas(next(path for path in TABLES if path.stem == "penguins"))
    integers = table.convert_dtypes()  # a column of floats with gaps becomes Int64
    assert str(integers["body_mass_g"].dtype) == "Int64"
    one, two = (quick(SDAETransformer).fit(each) for each in (table, integers))
    columns = [model.schema_.to_json()["columns"] for model in (one, two)]
    assert columns[0] != columns[1]
    for column in (*columns[0], *columns[1]):
        column.pop("whole", None)
    assert columns[0] == columns[1]
    assert one.transform(table).tobytes() == two.transform(integers).tobytes()
    assert isinstance(one.inverse_transform(one.transform(table))[0, 5], float)
    assert isinstance(two.inverse_transform(two.transform(table))[0, 5], int)


@pytest.mark.parametrize("name", ["randhie", "statecrime"])
def test_an_array_of_numbers_gives_the_network_of_the_table(name: str) -> None:
    table = of_pandas(next(path for path in TABLES if path.stem == name))
    rows = table.to_numpy()
    arrays = [np.ascontiguousarray(rows), np.asfortranarray(rows)]
    one, *others = (quick(SDAETransformer).fit(X).network_ for X in (table, *arrays))
    for other in others:
        for key, value in one.state_dict().items():
            assert value.equal(other.state_dict()[key]), key


def test_the_order_of_an_array_in_memory_changes_nothing(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((237, 11))  # of this many rows sums differ by their order
    for rows in (x, 40 * x):  # not scaled, and scaled
        layouts = (np.ascontiguousarray(rows), np.asfortranarray(rows))
        one, two = (bytes_of(SDAETransformer, each, tmp_path) for each in layouts)
        assert one == two


def test_a_blank_text_is_a_gap_wherever_the_table_comes_from(tmp_path: Path) -> None:
    texts = ["red", "", "blue", " "] * 15
    table = pd.DataFrame({"a": np.arange(60) % 7, "colour": texts})
    parts = quick(SDAETransformer).fit(table).schema_.parts
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    table.to_feather(tmp_path / "t.feather")
    expected = bytes_of(SDAETransformer, table, tmp_path)
    for end in ("csv", "parquet", "feather"):
        read = open_table(tmp_path / f"t.{end}")
        assert (
            quick(SDAETransformer).fit(read).schema_.parts
            == parts
            == ("a", "colour = red", "colour is missing")
        )
        assert bytes_of(SDAETransformer, read, tmp_path) == expected
