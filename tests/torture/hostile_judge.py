"""The child process in which hostile files are loaded, watched, measured and judged.

``python -m tests.torture.hostile_judge`` answers requests, one a line, as JSON: ``null`` when it is
ready, ``"names"`` with the names of the cases, ``"payloads"`` with those that do nothing, and
``[name, number]`` with what came of a case on one of its ways, or on all where there is no number.
"""

import contextlib
import json
import os
import pickle
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, cast

from sdae.core.errors import SdaeError
from tests.torture import (
    hostile_checkpoints,
    hostile_data,
    hostile_estimators,
    hostile_headers,
    hostile_models,
    hostile_pickles,
    hostile_recipes,
    hostile_runs,
    hostile_tables,
    hostile_tensors,
)
from tests.torture.hostile_case import Case, Way, data, info, recipe, resume, run_part, verify
from tests.torture.hostile_payloads import PAYLOADS, write_traps
from tests.torture.hostile_samples import run_recipe_of, write_run
from tests.torture.hostile_watch import Watch
from tests.torture.sample_files import FORMATS, samples

MAX_SECONDS = 2.0  # of the processor
MAX_BYTES = 3 << 29  # 1.5 GiB
_MAX_ADDRESSES = 16 << 30  # beyond this a case fails instead of taking the machine with it
_PATIENCE = 20  # seconds of the clock, after which a case hangs
_MAX_MESSAGE = 4000


class Hang(BaseException):
    """A case takes no end."""


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise Hang


def all_cases(mark: Path) -> dict[str, Case]:
    """Return all cases by their names, which differ."""
    groups = (
        hostile_headers.cases(),
        hostile_tensors.cases(),
        hostile_models.cases(),
        hostile_estimators.cases(),
        hostile_checkpoints.cases(),
        hostile_runs.cases(),
        hostile_recipes.cases(),
        hostile_data.cases(),
        hostile_tables.cases(mark),
        hostile_pickles.cases(mark),
    )
    found: dict[str, Case] = {}
    twice: set[str] = set()
    for case in (case for group in groups for case in group):
        twice.update({case.name} & found.keys())
        found[case.name] = case
    if twice:
        raise ValueError(f"two cases have the same name: {sorted(twice)}")
    return found


class Judge:
    """Loads cases in folders of their own."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._marks = base / "marks"
        self._temporary = base / "temporary"
        for folder in (self._marks, self._temporary):
            folder.mkdir()
        write_traps(self._mark)
        tempfile.tempdir = str(self._temporary)  # where the codes of lower layers wait
        self._cases = all_cases(self._mark)
        self._watch = Watch()
        self._warm_up()

    @property
    def _mark(self) -> Path:
        return self._marks / "executed"

    def answer(self, request: Any) -> object:
        """Answer one request."""
        if request is None:
            return "ready"
        if request == "names":
            return list(self._cases)
        if request == "payloads":
            return self._harmless_payloads()
        return self._judge(self._cases[request[0]], request[1])

    def _judge(self, case: Case, number: int | None) -> object:
        ways = case.ways if number is None else [case.ways[number % len(case.ways)]]
        with self._folder() as folder:
            case.make(folder)
            tried = [self._try(way, folder) for way in ways]
            problems = [problem for _, problem, _, _ in tried if problem]
        return {
            "problems": problems,
            "said": [said for said, _, _, _ in tried],
            "seconds": max(seconds for _, _, seconds, _ in tried),
            "n_bytes": max(n_bytes for _, _, _, n_bytes in tried),
        }

    def _try(self, way: Way, folder: Path) -> tuple[str, str, float, int]:
        """Load in one way: return what was said, what was wrong, seconds and bytes taken."""
        self._watch.events.clear()
        before, start = _reset_peak(), time.process_time()
        said, problem = self._attempt(way, folder)
        seconds, n_bytes = time.process_time() - start, max(0, _peak() - before)
        if seconds > MAX_SECONDS and not problem:  # on a busy machine, a second time tells
            start = time.process_time()
            said, problem = self._attempt(way, folder)
            seconds = time.process_time() - start
        if seconds > MAX_SECONDS:
            problem = f"{problem} it took {seconds:.1f} s"
        if n_bytes > MAX_BYTES:
            problem = f"{problem} it took {n_bytes:,} bytes"
        if self._watch.events:
            problem = f"{problem} it did: {'; '.join(self._watch.events)}"
        if marks := list(self._marks.iterdir()):
            problem = f"{problem} it ran a payload"
            for mark in marks:
                shutil.rmtree(mark) if mark.is_dir() else mark.unlink()
        way_name = getattr(way, "__name__", "")
        return said[:300], f"{way_name}: {problem}" if problem else "", round(seconds, 3), n_bytes

    def _attempt(self, way: Way, folder: Path) -> tuple[str, str]:
        signal.alarm(_PATIENCE)
        try:
            with self._watch.over(folder, self._temporary):
                loaded = way(folder)
        except SdaeError as error:
            return str(error), _fault_of(str(error))
        except Hang:
            return "", f"it took more than {_PATIENCE} s of the clock"
        except BaseException as error:
            return "", f"an error that is not ours: {type(error).__name__}: {str(error)[:300]}"
        finally:
            signal.alarm(0)
        return "", f"it was loaded: {str(loaded)[:300]}"

    def _harmless_payloads(self) -> list[str]:
        """Return the names of the payloads that do nothing where pickles are trusted."""
        harmless = []
        for name, make in PAYLOADS.items():
            pickled = make(self._mark)
            self._watch.events.clear()
            self._attempt(lambda _, pickled=pickled: pickle.loads(pickled), self._base)  # type: ignore[misc]
            time.sleep(0.02)  # some only begin a process
            if not self._watch.events and not list(self._marks.iterdir()):
                harmless.append(name)
            for mark in self._marks.iterdir():
                shutil.rmtree(mark) if mark.is_dir() else mark.unlink()
        return harmless

    def _warm_up(self) -> None:
        """Load good files in every way, so that all is imported that loading imports."""
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            json.loads("1".encode(encoding))  # which of them it is, json tells by the first bytes
        with self._folder() as folder:
            write_run(folder)
            for part in ("model", "pretrained", "recipe", "target", "records", "manifest"):
                run_part(part)(folder)
            for way in (info, verify):
                _accepted(way(folder))
            (folder / "recipe.toml").write_text(
                f"data.source = '{run_recipe_of(folder).data.source}'"
            )
            recipe(folder)
        with self._folder() as folder:
            write_run(folder, "cut")
            _accepted(resume(folder))
        for name in FORMATS:
            for sample in samples(name):
                with self._folder() as folder:
                    for file, made in sample.files.items():
                        (folder / file).write_bytes(made)
                    data(sample.name, sample.target)(folder)
        for kind in ("an estimator", "a checkpoint", "a model", "a recipe"):
            first = next(name for name in self._cases if name.startswith(f"{kind} with "))
            self._judge(self._cases[first], None)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(dir=self._base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _accepted(said: object) -> None:
    """Fail if a command did not succeed: then hostile files would be refused for another reason."""
    if not str(said).startswith("exit code 0"):
        raise RuntimeError(f"a good file was refused: {said}")


def _fault_of(text: str) -> str:
    """Say what is wrong with the text of an error of ours; nothing if it is as it should be."""
    if len(text) > _MAX_MESSAGE:
        return f"its text has {len(text):,} characters"
    if not text.replace("\n", "").isprintable():
        return f"its text has characters that cannot be shown: {text[:100]!r}"
    return "" if text.strip() else "it says nothing"


def _reset_peak() -> int:
    """Forget the peak of memory so far, where Linux lets us; return what is in use now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def main() -> None:
    """Answer requests until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESSES, _MAX_ADDRESSES))
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _hang)
    answers, sys.stdout = sys.stdout, sys.stderr
    os.environ["COLUMNS"] = "200"
    # As where matplotlib is not installed: its import takes long, and no picture is a proof.
    sys.modules["matplotlib.figure"] = cast(Any, None)
    with tempfile.TemporaryDirectory(prefix="hostile-") as base:
        judge = Judge(Path(base))
        for line in sys.stdin:
            print(json.dumps(judge.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
