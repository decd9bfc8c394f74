"""Whether the files of a folder have the same columns, of the same types."""

from collections.abc import Sequence

from sdae.core.errors import DataError
from sdae.core.wording import listed, plain, quoted
from sdae.data.parquet_table import is_single
from sdae.data.stored.shard import Shard


def check_alike(shards: Sequence[Shard]) -> None:
    """Raise an error for a shard whose columns are not those of the first.

    Raises
    ------
    DataError
        If the number, the names or the type of its columns differ.
    """
    first = shards[0]
    for shard in shards[1:]:
        if len(shard.columns) != len(first.columns):
            what = f"{len(shard.columns)} columns, but {first.path.name} has {len(first.columns)}"
        elif shard.columns != first.columns and {*shard.columns} == {*first.columns}:
            raise DataError(
                f"{shard.path} has the columns of {first.path.name} in another order. Name those "
                f"to read, by columns (--keep on the command line): {listed(first.columns)}."
            )
        elif shard.columns != first.columns:
            pairs = zip(shard.columns, first.columns, strict=True)
            ours, theirs = next((a, b) for a, b in pairs if a != b)
            what = f"a column {ours!r} where {first.path.name} has {theirs!r}"
        elif shard.kind != first.kind:
            raise _of_another_type(shard, first)
        else:
            continue
        raise DataError(
            f"{shard.path} has {what}. All files of a folder must have the same columns: convert "
            "it, or move it elsewhere."
        )


def _of_another_type(shard: Shard, first: Shard) -> DataError:
    """Return the error for a file whose numbers, or a column of them, have another type."""
    all_same = "All files of a folder must have numbers of one type"
    ours, theirs = ([] if each.groups is None else each.groups.types for each in (shard, first))
    for name, our, their in zip(shard.columns, ours, theirs, strict=False):  # none of lists
        if is_single(our) != is_single(their):
            kind = plain(str(their))
            return DataError(
                f"{shard.path} has values of type {plain(str(our))} in column {quoted(name)}, "
                f"where {first.path.name} has {kind}. {all_same}: save the column as {kind} there "
                "too, or move the file elsewhere."
            )
    return DataError(
        f"{shard.path} has numbers of type {shard.kind}, but {first.path.name} has {first.kind}. "
        f"{all_same}: save them as {first.kind} there too, or move the file elsewhere."
    )
