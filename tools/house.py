"""Print how the package is laid out, as a table: to compare two versions of it.

    python tools/house.py [FOLDER]

FOLDER is a checkout, by default this one. It needs the development environment: grimp comes with
import-linter. What the words mean:

box
    A module or a package directly in the package, as ``sdae.core``. One that no other box imports
    is a door: it is there for users alone. Names that begin with ``_`` are neither.
room
    A module or a package directly in a box, as ``sdae.core.rows``, and the box's own file.
arrow
    From a box, room or file to another one that it imports, however many times.
floors
    The longest way down along arrows; those that import each other in a circle are one floor.
    Imports that the layers of ``.importlinter`` pass over do not count.
layers
    The lines of each contract of ``.importlinter`` that orders modules.
files of a fit
    The files of ``estimators/`` that hold the calls in progress when ``SDAEClassifier.fit`` enters
    pre-training and fine-tuning: what a reader opens to follow a fit down to the two walks.
"""

import collections
import configparser
import functools
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Set
from pathlib import Path
from types import FrameType

import grimp

LONG = 300
WALKS = {"pretraining.py", "finetuning.py"}

Arrow = tuple[str, str]


def contracts(text: str) -> tuple[list[int], set[Arrow]]:
    """Return the number of layers of each contract, and the imports that these pass over."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    found = [parser[name] for name in parser.sections() if parser[name].get("type") == "layers"]
    passed = {
        (line.split(" -> ")[0], line.split(" -> ")[1])
        for contract in found
        for line in contract.get("ignore_imports", "").split("\n")
        if line
    }
    return [len(contract["layers"].split("\n")) - 1 for contract in found], passed


def shortened(arrows: Iterable[Arrow], depth: int) -> set[Arrow]:
    """Return the arrows between what the first `depth` names after the package's stand for."""
    ends = {(at_depth(importer, depth), at_depth(imported, depth)) for importer, imported in arrows}
    return {(importer, imported) for importer, imported in ends if importer != imported}


def at_depth(module: str, depth: int) -> str:
    """Return the first names of a module: ``a.b.c.d`` at depth 2 is ``a.b.c``."""
    return ".".join(module.split(".")[: depth + 1])


def floors(nodes: Collection[str], arrows: Collection[Arrow]) -> int:
    """Return the number of nodes on the longest way down; a circle counts as one."""
    below = _below(nodes, arrows)

    @functools.cache
    def floor(node: str) -> int:
        lower = [other for other in below[node] if node not in below[other] and other != node]
        return 1 + max(map(floor, lower), default=0)

    return max(map(floor, nodes), default=0)


def circles(nodes: Collection[str], arrows: Collection[Arrow]) -> set[frozenset[str]]:
    """Return the groups of nodes that import each other, directly or through others."""
    below = _below(nodes, arrows)
    return {
        frozenset(other for other in below[node] if node in below[other])
        for node in nodes
        if node in below[node]
    }


def _below(nodes: Collection[str], arrows: Collection[Arrow]) -> dict[str, set[str]]:
    """Return, for each node, what it imports directly or through others."""
    direct: dict[str, set[str]] = {node: set() for node in nodes}
    for importer, imported in arrows:
        direct[importer].add(imported)
    below: dict[str, set[str]] = {}
    for node in nodes:
        reached: set[str] = set()
        new = {node}
        while new:
            new = set().union(*(direct[one] for one in new)) - reached
            reached |= new
        below[node] = reached
    return below


def doors(boxes: Set[str], arrows: Collection[Arrow]) -> set[str]:
    """Return the boxes that nothing imports but other doors, or private modules as ``_names``."""
    private = {box for box in boxes if _is_private(box)}
    programs = {box for box in private if box.endswith("__main__")}
    users = private - programs
    while True:
        imported = {lower for importer, lower in arrows if importer not in users}
        more = (private - programs) | (boxes - private - imported)
        if more == users:
            return users - private
        users = more


def _is_private(module: str) -> bool:
    return module.split(".")[1].startswith("_")


def files_of_a_fit(estimators: Path, fit: Callable[[], object]) -> list[str]:
    """Return the files in `estimators` that hold a call in progress when a walk begins, by name.

    Parameters
    ----------
    estimators : Path
        The folder.
    fit : callable
        Fits once, through both walks.
    """
    found: dict[str, None] = {}
    entered: set[str] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        name = Path(frame.f_code.co_filename).name
        if event != "call" or name not in WALKS or name in entered:
            return
        if frame.f_code.co_name == "<module>":  # it is being imported
            return
        entered.add(name)
        stack: list[str] = []
        above: FrameType | None = frame
        while above is not None:
            file = Path(above.f_code.co_filename)
            if file.parent == estimators:
                stack.append(file.name)
            above = above.f_back
        found.update(dict.fromkeys(reversed(stack)))

    sys.setprofile(look)
    try:
        fit()
    finally:
        sys.setprofile(None)
    return list(found)


def fit_once() -> None:
    """Fit an SDAEClassifier to 40 rows."""
    import numpy as np

    from sdae import SDAEClassifier

    x = np.random.default_rng(0).normal(size=(40, 3))
    model = SDAEClassifier(
        (4, 3), pretrain_epochs=1, max_iter=1, batch_size=10, random_state=0, tol=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch is not enough
        model.fit(x, x[:, 0] > 0)


def table(folder: Path, package: str) -> list[tuple[str, str]]:
    """Return what is counted in a checkout, and how much of it there is.

    Parameters
    ----------
    folder : Path
        Holds ``src/`` and ``.importlinter``; ``src/`` must come first where Python imports from.
    package : str
        The name of the package in ``src/``.
    """
    graph = grimp.build_graph(package, cache_dir=None)
    imports = [
        (importer, imported)
        for importer in sorted(graph.modules)
        for imported in graph.find_modules_directly_imported_by(importer)
        if package not in (importer, imported)
    ]
    layers, passed = contracts((folder / ".importlinter").read_text())
    downward = [arrow for arrow in imports if arrow not in passed]
    modules = {module for module in graph.modules if module != package}
    all_boxes = {at_depth(module, 1) for module in modules}
    users = doors(all_boxes, shortened(imports, 1))
    inside = {m for m in modules if at_depth(m, 1) not in users and not _is_private(m)}
    lines = [("layers in .importlinter", " + ".join(map(str, layers)))]
    for depth, word in ((1, "boxes"), (2, "rooms"), (99, "files")):
        nodes = {at_depth(module, depth) for module in inside}
        between = {a for a in shortened(imports, depth) if nodes.issuperset(a)}
        down = {a for a in shortened(downward, depth) if nodes.issuperset(a)}
        lines.append((word, str(len(nodes))))
        lines.append((f"arrows between {word}", str(len(between))))
        lines.append((f"floors of {word}", str(floors(nodes, down))))
        rings = (" + ".join(sorted(ring)) for ring in circles(nodes, down))
        lines.append((f"circles of {word}", _counted(rings)))
    lines.append(("imports upwards, passed over", str(len(passed & set(imports)))))
    lines.append(("doors for users", _counted(name.split(".")[1] for name in users)))
    root = folder / "src" / package
    files = [
        file
        for file in sorted(root.rglob("*.py"))
        if f"{package}.{file.relative_to(root).with_suffix('').parts[0]}" not in users
    ]
    long = [f for f in files if len(f.read_text(encoding="utf-8").splitlines()) > LONG]
    lines.append((f"files over {LONG} lines", _counted(file.name for file in long)))
    names = collections.Counter(file.name for file in files if file.name != "__init__.py")
    lines.append(("file names used twice", _counted(n for n, count in names.items() if count > 1)))
    return lines


def _counted(names: Iterable[str]) -> str:
    shown = sorted(names)
    return f"{len(shown)}: {', '.join(shown)}" if shown else "0"


def main(arguments: list[str]) -> int:
    """Print the table of a checkout of sdae; return the exit status."""
    folder = Path(arguments[0] if arguments else Path(__file__).parents[1]).resolve()
    if len(arguments) > 1 or not (folder / "src/sdae/__init__.py").is_file():
        print(
            f"house: FOLDER must be a checkout of sdae. Got {arguments} instead.", file=sys.stderr
        )
        return 2
    sys.path.insert(0, str(folder / "src"))
    lines = table(folder, "sdae")
    fit_once()  # what it imports and compiles has no part in it
    read = files_of_a_fit(folder / "src/sdae/estimators", fit_once)
    lines.append(("files of a fit", f"{len(read)}: {' → '.join(read)}"))
    width = max(len(what) for what, _ in lines)
    for what, number in lines:
        print(f"{what:<{width}}  {number}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
