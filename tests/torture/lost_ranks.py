"""SIGKILL of one of two processes at random: torchrun starts both anew, to the same bytes.

``python -m tests.torture.lost_ranks [N] [SEED]`` kills N processes or a few more, one to three of
each run. They are those of one agent of torchrun, or of two as on two machines. An agent is called
as a function, which forks the processes: a new Python with torch would take most of the time.
"""

import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from sdae.app.cli.typer_app import app, import_named
from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import SdaeError
from tests.torture.saves import in_new_process
from tests.torture.small_runs import (
    DAMAGED,
    VARIANTS,
    Unbroken,
    differences,
    instant,
    place_of,
    write_rows,
)

N_RANKS, MOST_KILLS = 2, 3
_MOST_RESTARTS = 10  # an agent counts what the other one has started anew too
_SECONDS = 300
_SHARE_AFTER, _SECONDS_AFTER = 0.15, 0.05
_LOOKS = 20  # at a run that the other process is still writing


def lost_ranks(n: int, seed: int = 1) -> dict[str, Any]:
    """Kill `n` processes at least; return counts, places of the kills and failures."""
    return in_new_process(_kill_ranks, n, seed)


def _kill_ranks(n: int, seed: int) -> dict[str, Any]:
    """Do it in this process, which has imported everything that the others need."""
    import matplotlib.backends.backend_agg  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch._dynamo  # which an optimiser imports at its first step

    torch.set_num_threads(1)
    import_named(["train"])
    kills: list[Kill] = []
    failures: list[str] = []
    n_runs = n_identical = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "work"
        write_rows(Path(made) / "rows.npz", VARIANTS["autograd"])
        whole = _unbroken(folder)
        while len(kills) < n and len(failures) < n:
            rng = random.Random(f"ranks/{seed}/{n_runs}")
            hit, problems = _until_it_ends(folder, rng, whole)
            problems += differences(folder, whole.outcome)
            problems += ["a damaged checkpoint" for kill in hit if kill.place == DAMAGED]
            kills += hit
            failures += [f"seed {seed}, run {n_runs}: {text}" for text in problems]
            n_runs += 1
            n_identical += not problems
    return {
        "kills that hit": len(kills),
        "runs": n_runs,
        "runs identical": n_identical,
        "seconds of an unbroken run": round(whole.seconds, 2),
        "of rank 0": sum(kill.rank == 0 for kill in kills),
        "places": dict(sorted(Counter(kill.place for kill in kills).items())),
        "failures": failures,
    }


class Kill(NamedTuple):
    """Which process was killed, and how far the run had come."""

    rank: int
    place: str


def _unbroken(folder: Path) -> Unbroken:
    seconds = []
    for _ in range(2):  # the machine may be busy for a while
        start = time.monotonic()
        codes, said = Launch(folder).end()
        assert codes == [0], f"the run fails even if no process is killed: {said}"
        seconds.append(time.monotonic() - start)
    return Unbroken.of(folder, min(seconds))


def _until_it_ends(
    folder: Path, rng: random.Random, whole: Unbroken
) -> tuple[list[Kill], list[str]]:
    """Train and kill processes until the run ends; return the kills, and what went wrong."""
    launch = Launch(folder, rng.randint(1, N_RANKS))
    kills, over = [], [0] * N_RANKS  # starts of each process that are over
    for _ in range(rng.randint(1, MOST_KILLS)):
        rank = rng.randrange(N_RANKS)
        if not launch.kill(rank, over[rank], *_moment(folder, rng, whole)):
            break
        over = [launch.n_starts(each) for each in range(N_RANKS)]
        kills.append(Kill(rank, _place(RunFolder(folder / "run"))))
    codes, said = launch.end()
    if kills and launch.n_starts(kills[-1].rank) == over[kills[-1].rank]:
        kills.pop()  # it came when its process had just ended
    return kills, [f"torchrun ended with {codes}: {said}"] if any(codes) else []


def _moment(folder: Path, rng: random.Random, whole: Unbroken) -> tuple[str | None, float]:
    """Draw when to kill; often just after the run was finished, when processes soon end."""
    if rng.random() < _SHARE_AFTER:
        return "run/manifest.json", rng.uniform(0, _SECONDS_AFTER)
    return instant(folder, rng, whole)


class Launch:
    """A run in a new folder, and the agents of torchrun that start its processes."""

    def __init__(self, folder: Path, n_agents: int = 1) -> None:
        self._folder = folder
        for path in (folder, _pids(folder), _logs(folder)):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
        self._until = time.monotonic() + _SECONDS
        with socket.create_server(("localhost", 0)) as free:
            port = free.getsockname()[1]
        self._agents = []
        for number in range(n_agents):
            agent = os.fork()
            if agent == 0:
                _be_an_agent(folder, number, n_agents, port)
            self._agents.append(agent)

    def kill(self, rank: int, n_over: int, marker: str | None, delay: float) -> bool:
        """Kill a process, `delay` seconds after its start or after a file is there.

        Its first `n_over` starts are over. Returns False if it, or all, ended before. Of two agents
        one may have succeeded when the run is finished, and takes no part in a restart then: so
        nothing is killed. Nor is a process that has done its work and waits for its agent to see
        it: an agent that was called with a function can hang then, one that starts commands, as
        torchrun's does, cannot.
        """
        manifest = self._folder / "run/manifest.json"
        pid, since = None, 0.0
        path = None if marker is None else self._folder / marker
        while not self._have_ended():
            if pid is None and (pid := self._pid(rank, n_over)) is not None:
                since = time.monotonic()
            if path is not None and path.exists():
                path, since = None, time.monotonic()
            if pid is not None and path is None and time.monotonic() - since >= delay:
                if not any(pid in _children(agent) for agent in self._agents):
                    return False
                if len(self._agents) > 1 and manifest.exists():
                    return False
                os.kill(pid, signal.SIGSTOP)  # it cannot come to its end between look and kill
                is_over = _over(self._folder, rank, n_over).exists()
                os.kill(pid, signal.SIGCONT if is_over else signal.SIGKILL)
                return not is_over
            time.sleep(0.0003)
        return False

    def n_starts(self, rank: int) -> int:
        """Return how often a process was started."""
        return len(list(_pids(self._folder).glob(f"{rank}-*")))

    def end(self) -> tuple[list[int], str]:
        """Wait for the agents; return their exit codes, and the end of what was said."""
        while not self._have_ended():
            time.sleep(0.01)
        statuses = [os.waitpid(agent, 0)[1] for agent in self._agents]
        logs = sorted(_logs(self._folder).rglob("*.log"), key=lambda path: path.stat().st_mtime)
        said = [text for path in logs if (text := path.read_text()[-500:])]
        return [os.waitstatus_to_exitcode(each) for each in statuses], "\n".join(said[-4:])

    def _pid(self, rank: int, start: int) -> int | None:
        file = _pids(self._folder) / f"{rank}-{start}"
        return int(file.read_text()) if file.exists() else None

    def _have_ended(self) -> bool:
        """Return whether all agents have ended; those that hang are, with their processes."""
        if time.monotonic() > self._until:
            for agent in self._agents:
                os.killpg(agent, signal.SIGKILL)
        ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return all(os.waitid(os.P_PID, agent, ended) is not None for agent in self._agents)


def _be_an_agent(folder: Path, number: int, n_agents: int, port: int) -> None:
    """Start the processes of a machine, and anew if one fails; never return."""
    status = 99
    try:
        os.setsid()
        logs = _logs(folder)
        log = os.open(logs / f"agent-{number}.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        config = LaunchConfig(
            min_nodes=n_agents,
            max_nodes=n_agents,
            nproc_per_node=N_RANKS // n_agents,
            run_id="lost-ranks",
            rdzv_backend="c10d",
            rdzv_endpoint=f"localhost:{port}",
            rdzv_configs={"is_host": number == 0},
            local_addr="localhost",
            max_restarts=_MOST_RESTARTS,
            monitor_interval=0.05,
            start_method="fork",
            logs_specs=DefaultLogsSpecs(str(logs / str(number)), redirects=Std.ALL),
        )
        elastic_launch(config, _train)(str(folder))
        status = 0
    except ChildFailedError:
        status = 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _pids(folder: Path) -> Path:
    """Return the folder of a file for each start of a process, which holds its number."""
    return Path(f"{folder}.pids")


def _over(folder: Path, rank: int, start: int) -> Path:
    """Return the file that is there when a start of a process has done its work."""
    return _pids(folder) / f"over-{rank}-{start}"


def _logs(folder: Path) -> Path:
    return Path(f"{folder}.logs")


def _train(folder: str) -> None:
    """Be one of the processes."""
    pids, rank = _pids(Path(folder)), int(os.environ["RANK"])
    os.chdir(folder)
    sys.modules["matplotlib.figure"] = None  # type: ignore[assignment] # no pictures
    begun = pids / f".{os.getpid()}"
    begun.write_text(str(os.getpid()))
    start = len(list(pids.glob(f"{rank}-*")))
    begun.rename(pids / f"{rank}-{start}")
    try:
        app([*VARIANTS["autograd"].command(), "--threads=1"])
    finally:
        _over(Path(folder), rank, start).touch()


def _place(run: RunFolder) -> str:
    """Return how far a run had come; the other process may still write and remove checkpoints."""
    for _ in range(_LOOKS):
        with suppress(SdaeError, IndexError):
            if (place := place_of(run)) != DAMAGED:
                return place
        time.sleep(0.01)
    return DAMAGED


def _children(agent: int) -> list[int]:
    """Return the processes of an agent that run."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(agent).children()
        return [each.pid for each in children if each.status() != psutil.STATUS_ZOMBIE]
    return []


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n, seed = (int(text) for text in [*sys.argv[1:3], *("50", "1")[len(sys.argv) - 1 :]])
    result = lost_ranks(n, seed)
    print(json.dumps(result, indent=1))
    sys.exit(bool(result["failures"]))


if __name__ == "__main__":
    main()
