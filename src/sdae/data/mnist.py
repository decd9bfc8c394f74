"""The embedded MNIST: four IDX files in the package, verified each time they are loaded."""

from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import FileFormatError
from sdae.core.files import read_decompressed, sha256
from sdae.data.idx import image_table, parse_idx
from sdae.data.table import Dataset, Split, Splits

IMAGE_SHAPE = (28, 28)
_N_TRAIN = 50_000
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist() -> Splits:
    """Load MNIST as the tutorial splits it.

    Returns
    -------
    Splits
        ``train`` (the first 50,000 rows of the training file), ``validation`` (its last 10,000)
        and ``test`` (10,000), each with `x` float32 (n, 784), pixels / 256, in [0, 1), and `y`
        int64 (n,).

    Raises
    ------
    FileFormatError
        If an embedded file is not the one that the package was built with.

    Examples
    --------
    >>> from sdae.data import load_mnist
    >>> train, validation, test = load_mnist()
    >>> train.x.shape, validation.x.shape, test.x.shape
    ((50000, 784), (10000, 784), (10000, 784))
    >>> train.y[:5].tolist()
    [5, 0, 4, 1, 9]
    """
    train, test = _load_file("train"), _load_file("t10k")
    return Splits(
        train=Split(train.x[:_N_TRAIN], train.y[:_N_TRAIN]),
        validation=Split(train.x[_N_TRAIN:], train.y[_N_TRAIN:]),
        test=test,
    )


def load_mnist_dataset() -> Dataset:
    """Load MNIST as a data set with its three parts."""
    splits = load_mnist()
    tables = (
        image_table(split.x.reshape(-1, *IMAGE_SHAPE), split.y, f"MNIST ({part})")
        for part, split in zip(Splits._fields, splits, strict=True)
    )
    return Dataset("MNIST", *tables)


def _load_file(part: str) -> Split:
    table = image_table(
        _load_verified(f"{part}-images-idx3-ubyte"),
        _load_verified(f"{part}-labels-idx1-ubyte"),
        "MNIST",
    )
    if table.y is None or table.y.dtype.kind != "i":
        raise FileFormatError("The embedded MNIST has no labels. Reinstall sdae.")
    return Split(table.x.astype(np.float32, copy=False), table.y.astype(np.int64))


def _load_verified(name: str) -> NDArray[np.generic]:
    with as_file(files("sdae.data") / "mnist" / f"{name}.gz") as path:
        content = read_decompressed(path)
    if sha256(content) != _SHA256[name]:
        raise FileFormatError(
            f"The embedded file {name}.gz is not the one that sdae was built with. Reinstall sdae."
        )
    return parse_idx(content, name)
