"""The index of a data frame that was saved is no column of rows, in memory and on the disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.prepare import prepare
from sdae.core.kinds.decoders import Decoder
from sdae.core.user_warnings import DataWarning
from sdae.data import convert, load_dataset, open_rows

pd = pytest.importorskip("pandas")

N = 60
X = np.random.default_rng(0).random((N, 2))
MEMORY = pytest.mark.parametrize("memory", ["none", "0.5KB"])


@pytest.fixture
def frame() -> Any:
    """Return a data frame whose index pandas saves as a column without a name of its own."""
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": np.arange(N) % 2}, np.arange(N) + 5)


def written(folder: Path, frame: Any, suffix: str) -> Path:
    path = folder / f"rows{suffix}"
    table = pa.Table.from_pandas(frame)
    if suffix == ".csv":
        frame.to_csv(path)
    elif suffix == ".feather":
        feather.write_feather(table, str(path))
    elif suffix == ".parquet":
        pq.write_table(table, path)
    else:
        path.mkdir()
        for part, first in enumerate(range(0, N, 20)):
            pq.write_table(table[first : first + 20], path / f"{part}.parquet")
    return path


@MEMORY
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_index_is_left_out_with_a_word(
    tmp_path: Path, frame: Any, suffix: str, memory: str
) -> None:
    path, scratch = written(tmp_path, frame, suffix), tmp_path / "scratch"
    scratch.mkdir()
    config = DataConfig(source=str(path), target="y", memory=memory)
    with pytest.warns(DataWarning, match="looks like the index of a data frame: left out"):
        data = prepare(config, Decoder.AUTO, 0, scratch=scratch)
    assert data.feature_names == ("a", "b")
    assert len(data.rows) == 42  # 30 % are set aside


@MEMORY
@pytest.mark.filterwarnings("ignore:.*the index of a data frame")
@pytest.mark.parametrize("others", [("drop", ("b",)), ("keep", ("a",))])
def test_with_other_columns_dropped_or_kept_too(
    tmp_path: Path, frame: Any, memory: str, others: Any
) -> None:
    name, columns = others
    config: Any = {"source": str(written(tmp_path, frame, "")), "memory": memory, "target": "y"}
    data = prepare(DataConfig(**config, **{name: columns}), Decoder.AUTO, 0)
    assert data.feature_names == ("a",)


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ""])
def test_rows_are_opened_without_it_unless_it_is_asked_for(
    tmp_path: Path, frame: Any, suffix: str
) -> None:
    path = written(tmp_path, frame, suffix)
    with pytest.warns(DataWarning, match="columns, to have it") as caught:
        rows = open_rows(path, target="y")
    assert len(caught) == 1
    assert rows.columns == ("a", "b")
    assert np.array_equal(rows[:].in_memory(), X)
    index = "__index_level_0__"
    asked = open_rows(path, columns=[index, "a"])
    assert np.array_equal(asked[:].in_memory()[:, 0], np.arange(N) + 5)
    assert open_rows(path, columns=["a", "b"], target=index).targets is not None


def test_a_csv_is_converted_without_it(tmp_path: Path, frame: Any) -> None:
    path = written(tmp_path, frame, ".csv")
    with pytest.warns(DataWarning, match="The first column, which has no name"):
        convert(path, tmp_path / "new.parquet", target="y")
    assert open_rows(tmp_path / "new.parquet", target="y").columns == ("a", "b")


def test_it_is_read_where_it_is_asked_for_or_there_is_nothing_else(
    tmp_path: Path, frame: Any
) -> None:
    path = written(tmp_path, frame, ".csv")
    assert load_dataset(path, "y", features=["", "a"]).train.feature_names == ("", "a")
    alone = written(tmp_path, frame[["y"]], ".csv")
    assert load_dataset(alone, "y").train.feature_names == ("",)
