"""Small valid data, one set of samples for each format; all are the same bytes at every call."""

import functools
import gzip
import io
import pickle
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.data.pickle_samples import PARTS, PROTOCOL_0, PROTOCOL_2, old

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Sample:
    """Files of a folder, which of them (or the folder itself, "") to load, and the target."""

    files: Files
    name: str
    target: str | None = None

    def with_file(self, name: str, content: bytes) -> "Sample":
        """Return the sample with another content of one file."""
        return replace(self, files={**self.files, name: content})


FORMATS = ("csv", "csv.gz", "parquet", "npz", "npy", "idx", "idx.gz", "pickle")
_RNG = np.random.default_rng(2010)
_ROWS = _RNG.normal(size=(12, 3)).round(3)
_ANIMALS = np.array(["cat", "dog", "emu"])[_RNG.integers(0, 3, 12)]
_NUMBERS = _RNG.integers(0, 3, 12)
_IMAGES = _RNG.integers(0, 256, (6, 4, 4)).astype(np.uint8)


@functools.cache
def samples(format_name: str) -> Sequence[Sample]:
    """Return the samples of one of `FORMATS`."""
    return _MAKERS[format_name]()


def pack(content: bytes) -> bytes:
    """Compress without a time stamp, so that the same content gives the same bytes."""
    return gzip.compress(content, 6, mtime=0)


def npy(array: Any) -> bytes:
    """Return an array as an NPY file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive of `members`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, content)
    return stream.getvalue()


def idx(array: Any) -> bytes:
    """Return an array of bytes as an IDX file."""
    shape = b"".join(length.to_bytes(4, "big") for length in array.shape)
    content: bytes = array.astype(np.uint8).tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + content


def parquet(columns: Any, **options: Any) -> bytes:
    """Return a table as a Parquet file."""
    stream = io.BytesIO()
    pq.write_table(
        columns if isinstance(columns, pa.Table) else pa.table(columns), stream, **options
    )
    return stream.getvalue()


def _csv() -> list[Sample]:
    rows = [f"{a},{b},{c:e},{animal}" for (a, b, c), animal in zip(_ROWS, _ANIMALS, strict=True)]
    text = "\n".join(["width,height,depth,animal", *rows, ""])
    quoted = 'a;"b;c";class\r\n1;2;"x ""y"""\r\n3;4;\'\r\n-1e3;.5;é\r\n'
    plain = "a\tb\n1\t2\n3\t4\n"
    return [
        Sample({"rows.csv": text.encode()}, "rows.csv", "animal"),
        Sample({"rows.csv": quoted.encode("utf-8-sig")}, "rows.csv", "class"),
        Sample({"rows.csv": plain.encode()}, "rows.csv"),
    ]


def _csv_gz() -> list[Sample]:
    return [
        replace(sample, files={"rows.csv.gz": pack(sample.files["rows.csv"])}, name="rows.csv.gz")
        for sample in _csv()
    ]


def _parquet() -> list[Sample]:
    columns = {
        "whole": pa.array(_NUMBERS.astype(np.int16)),
        "float": pa.array(_ROWS[:, 0]),
        "half": pa.array(_ROWS[:, 1].astype(np.float16)),
        "truth": pa.array(_NUMBERS > 0),
        "decimal": pa.array([Decimal(n) for n in _NUMBERS.tolist()], pa.decimal128(9, 2)),
        "level": pa.array(_ROWS[:, 2]).dictionary_encode(),
        "animal": pa.array(_ANIMALS.tolist()),
    }
    small = {"a": pa.array([1.0, 2.0, 3.0]), "y": pa.array([0, 1, 0])}
    contents = [
        (parquet(columns), "animal"),
        (parquet(columns, compression="none", use_dictionary=False), "animal"),
        (parquet(columns, compression="zstd", data_page_version="2.0"), "animal"),
        (parquet(columns, compression="gzip", write_page_checksum=True), "animal"),
        (parquet(small, compression="none", store_schema=False), "y"),
    ]
    return [Sample({"rows.parquet": content}, "rows.parquet", y) for content, y in contents]


def _npz() -> list[Sample]:
    labelled = {"x.npy": npy(_ROWS), "y.npy": npy(_ANIMALS)}
    parts = {
        "x_train.npy": npy(_IMAGES),
        "y_train.npy": npy(_NUMBERS[:6]),
        "x_test.npy": npy(_IMAGES[:3]),
        "y_test.npy": npy(_NUMBERS[:3].astype(np.float32)),
    }
    return [
        Sample({"rows.npz": zipped(labelled)}, "rows.npz"),
        Sample({"rows.npz": zipped(labelled, zipfile.ZIP_STORED)}, "rows.npz", "y"),
        Sample({"rows.npz": zipped(parts)}, "rows.npz"),
    ]


def _npy() -> list[Sample]:
    arrays: list[tuple[Any, str | None]] = [
        (_ROWS.astype(np.float32), None),
        (np.asfortranarray(np.column_stack([_ROWS, _NUMBERS]).astype(">f8")), "-1"),
        (_IMAGES, None),
        (np.column_stack([_NUMBERS, _NUMBERS]).astype(bool), "0"),
    ]
    return [Sample({"rows.npy": npy(array)}, "rows.npy", target) for array, target in arrays]


def _idx() -> list[Sample]:
    files = {
        "train-images-idx3-ubyte": idx(_IMAGES),
        "train-labels-idx1-ubyte": idx(_NUMBERS[:6]),
        "t10k-images-idx3-ubyte": idx(_IMAGES[:2]),
        "t10k-labels-idx1-ubyte": idx(_NUMBERS[:2]),
    }
    floats = bytes([0, 0, 13, 2, 0, 0, 0, 12, 0, 0, 0, 3]) + _ROWS.astype(">f4").tobytes()
    return [Sample(files, ""), Sample({"train-images-idx2-float": floats}, "")]


def _idx_gz() -> list[Sample]:
    return [
        Sample({f"{name}.gz": pack(content) for name, content in sample.files.items()}, "")
        for sample in _idx()
    ]


def _pickle() -> list[Sample]:
    contents = [PROTOCOL_0, PROTOCOL_2]
    contents += [old(pickle.dumps(PARTS, protocol)) for protocol in (0, 2, 4, 5)]
    packed = [Sample({"mnist.pkl.gz": pack(content)}, "mnist.pkl.gz") for content in contents]
    return [*packed, *(Sample({"mnist.pkl": content}, "mnist.pkl") for content in contents)]


_MAKERS: dict[str, Callable[[], list[Sample]]] = {
    "csv": _csv,
    "csv.gz": _csv_gz,
    "parquet": _parquet,
    "npz": _npz,
    "npy": _npy,
    "idx": _idx,
    "idx.gz": _idx_gz,
    "pickle": _pickle,
}
