"""What somebody else put into the folder of a run stays, whatever becomes of the run."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sdae.app.runs.lifecycle import changed_run, finish, held_run, new_run, resumed_run
from sdae.app.runs.own_files import copy_own, hand_over
from sdae.app.runs.run_folder import RunFolder
from sdae.train.checkpoints.checkpoint_folder import opened
from tests.app.cli.samples import contents
from tests.app.runs.recipes import recipe_for
from tests.app.runs.test_lifecycle import RECIPE, checkpoint, whole_run
from tests.app.runs.test_run_folder import small_model

OTHERS = (
    *(".gitignore", ".DS_Store", "notes.md", "lock", ".nfs0000001", "model.safetensors.bak"),
    *(".recipe.toml.swp", ".model.safetensors.original", ".model.safetensors.20261128"),
    *(".history.jsonl.x1y2z3_4", ".notes.md.x1y2z3_4.partial", "sub/deep/.hidden", ".git/HEAD"),
    *(
        "plots/mine.png",
        "plots/.keep",
        "plots/curves.png.bak",
        ".partial/x",
        "plots/sub/curves.png",
    ),
    *("checkpoints/notes.txt", "checkpoints/.gitignore", "checkpoints/notes-000001.json"),
    *("checkpoints/.pretraining-000001.safetensors.original", "checkpoints/sub/begun.json"),
)
HALVES = (
    *(".recipe.toml.x1y2z3_4.partial", ".manifest.json.abcdefgh.partial"),
    *("plots/.curves.png.00000000.partial", ".history.jsonl.________.partial"),
    *("checkpoints/.pretraining-000001.safetensors.x1y2z3_4.partial",),
    *("checkpoints/.finetuning-000012.json.x1y2z3_4.partial",),
)


def put(run: Path, names: tuple[str, ...] = OTHERS) -> None:
    for name in names:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(f"mine: {name}")


def fail(path: Path, act: Callable[[RunFolder], object], *, force: bool = False) -> None:
    """Begin a run, do something in it, and fail."""
    with suppress(KeyboardInterrupt), new_run(path, RECIPE, force=force) as run:
        act(run)
        raise KeyboardInterrupt


def put_into(run: RunFolder) -> None:
    put(run.path)


def others(run: Path) -> set[str]:
    """Return the names of what was put into a run, which must be as it was."""
    found = contents(run)
    assert {name: found.get(name) for name in OTHERS} == {
        name: f"mine: {name}".encode() for name in OTHERS
    }
    return {name for name, content in found.items() if content is not None} - set(OTHERS)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


WHOLE = {"manifest.json", "model.safetensors", "recipe.toml"}


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A run that was cut short."""
    fail(tmp_path / "run", checkpoint)
    return tmp_path / "run"


def test_resuming_removes_what_a_kill_left_and_nothing_else(cut: Path) -> None:
    put(cut)
    put(cut, HALVES)
    for name in ("lock", "data.json"):
        (cut / "checkpoints" / name).write_text("{}")
    with resumed_run(cut) as run:
        assert others(cut) == {
            *("recipe.toml", "checkpoints/begun.json", "checkpoints/data.json", "checkpoints/lock"),
            *("checkpoints/pretraining-000001.json", "checkpoints/pretraining-000001.safetensors"),
            *(half for half in HALVES if half.startswith("checkpoints")),
        }
        with opened(run.checkpoints):
            pass
        assert not [name for name in others(cut) if name.endswith(".partial")]
        put(cut, HALVES)
        run.save_model(small_model())
        finish(run)
    assert others(cut) - set(HALVES) == WHOLE
    assert run.manifest().keys() == {"model.safetensors", "recipe.toml"}
    assert run.finished


def test_a_kill_at_the_very_end_is_cleared_by_the_next_look(cut: Path) -> None:
    run = RunFolder(cut)
    run.save_model(small_model())
    run.seal()
    put(cut)
    put(cut, HALVES)
    with pytest.raises(OSError, match="cannot be resumed"), resumed_run(cut):
        pass
    assert others(cut) == WHOLE


def test_a_run_that_is_undone_leaves_what_was_put_into_it(tmp_path: Path) -> None:
    fail(tmp_path / "deep/run", put_into)
    assert others(tmp_path / "deep/run") == set()
    assert names(tmp_path / "deep") == ["run"]


def test_what_was_put_into_a_run_that_is_undone_is_with_the_one_that_is_back(
    tmp_path: Path,
) -> None:
    path = whole_run(tmp_path / "run").path
    (path / "notes.md").write_text("an older note")
    before = contents(path)
    fail(path, put_into, force=True)
    assert (path / "notes.md").read_text() == "an older note"
    assert (path / "notes.md.2").read_text() == "mine: notes.md"
    (path / "notes.md.2").rename(path / "notes.md")
    assert others(path) == WHOLE
    assert {name: contents(path)[name] for name in WHOLE} == {name: before[name] for name in WHOLE}
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("state", ["whole", "cut"])
def test_force_replaces_the_run_alone(state: str, tmp_path: Path, cut: Path) -> None:
    path = cut if state == "cut" else whole_run(tmp_path / "other").path
    put(path)
    (path / "link").symlink_to(tmp_path / "elsewhere")
    inode = (path / "notes.md").stat().st_ino
    recipe = recipe_for(Path("y.npz"))
    with new_run(path, recipe, force=True) as run:
        run.save_model(small_model(1))
        (path / "notes.md").write_text("a newer note")
        finish(run)
    assert (path / "notes.md").read_text() == "a newer note"
    assert (path / "notes.md.2").stat().st_ino == inode  # moved, not copied
    (path / "notes.md.2").rename(path / "notes.md")
    assert (path / "link").is_symlink()
    (path / "link").unlink()
    assert others(path) == WHOLE
    assert run.recipe() == recipe
    assert names(tmp_path) == (["run"] if state == "cut" else ["other", "run"])


def test_an_unfinished_run_in_favour_of_the_one_that_waits(tmp_path: Path) -> None:
    path = whole_run(tmp_path / "run").path
    fail(path, checkpoint, force=True)
    put(path)
    assert names(tmp_path) == [".run.replaced", "run"]
    with new_run(path, recipe_for(Path("y.npz")), force=True) as run:
        run.save_model(small_model(1))
        finish(run)
    assert others(path) == WHOLE
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_a_change_leaves_what_lies_beside_it(
    error: type[BaseException] | None, tmp_path: Path
) -> None:
    path = whole_run(tmp_path / "run").path
    put(path)
    path.chmod(0o750)

    def change() -> None:
        with held_run(path), changed_run(path) as new:
            new.save_recipe(recipe_for(Path("y.npz")))
            put(path, ("late.txt",))
            if error is not None:
                raise error

    if error is None:
        change()
    else:
        with pytest.raises(error):
            change()
    assert (path / "late.txt").read_text() == "mine: late.txt"
    (path / "late.txt").unlink()
    assert others(path) == WHOLE
    assert path.stat().st_mode & 0o777 == 0o750
    assert RunFolder(path).manifest().keys() == {"model.safetensors", "recipe.toml"}
    assert names(tmp_path) == ["run"]


def test_folders_of_others_that_only_look_like_ours_stay(tmp_path: Path) -> None:
    path = tmp_path / "run"
    for name in (".run.partial-1", ".run.partial-notes", ".run.partial.d", ".runs.partial"):
        put(tmp_path / name)
    whole_run(path)
    with held_run(path), changed_run(path) as new:
        new.save_recipe(RECIPE)
    for name in (".run.partial-1", ".run.partial-notes", ".run.partial.d", ".runs.partial"):
        assert others(tmp_path / name) == set()
    put(tmp_path / ".new.partial")
    with pytest.raises(OSError, match=r"\.new\.partial is in the way"):
        whole_run(tmp_path / "new")
    assert others(tmp_path / ".new.partial") == set()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("take", [lambda run, to: hand_over(run, to), copy_own])
def test_links_are_not_followed(take: Callable[[Path, Path], None], tmp_path: Path) -> None:
    path = whole_run(tmp_path / "run").path
    for name in ("plots", "checkpoints"):
        elsewhere = tmp_path / f"elsewhere-{name}"
        put(elsewhere, ("curves.png", "pretraining-000001.json", ".curves.png.x1y2z3_4.partial"))
        (path / name).symlink_to(elsewhere)
    before = {name: contents(tmp_path / f"elsewhere-{name}") for name in ("plots", "checkpoints")}
    (tmp_path / "to").mkdir()
    take(path, tmp_path / "to")
    assert before == {n: contents(tmp_path / f"elsewhere-{n}") for n in ("plots", "checkpoints")}


def test_a_manifest_cannot_name_what_lies_elsewhere(tmp_path: Path) -> None:
    path = whole_run(tmp_path / "run").path
    put(tmp_path, ("x", "run/sub/y"))
    entry = '{"sha256": "", "bytes": 1}'
    forged = ", ".join(f'"{name}": {entry}' for name in ("../x", str(tmp_path / "x"), "sub/y", "."))
    (path / "manifest.json").write_text(f'{{"format": 1, "files": {{{forged}}}}}')
    (tmp_path / "to").mkdir()
    hand_over(path, tmp_path / "to")
    assert not path.exists()
    assert (tmp_path / "x").read_text() == "mine: x"
    assert (tmp_path / "to/sub/y").read_text() == "mine: run/sub/y"
