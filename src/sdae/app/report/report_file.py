"""The file of a report: its maximum size, and its place in the run."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from sdae.app.plots.figure import new_figure
from sdae.app.report.facts import Facts, facts_of
from sdae.app.runs.run_folder import MANIFEST, REPORT, RunFolder
from sdae.app.runs.verification import verify
from sdae.core.errors import FileFormatError, InvalidParameterError, MissingExtraError
from sdae.core.files import write_atomically
from sdae.data.label_columns import Target
from sdae.train.checkpoints.lock import locked_name

MOST_BYTES = 8_000_000

_TOO_LARGE = (
    "The playground is left out: with the network's weights the page would be larger than "
    f"{MOST_BYTES // 1_000_000} MB."
)
_NO_RECONSTRUCTIONS = (
    "Reconstructions are left out of the playground: with the weights for them the page would be "
    f"larger than {MOST_BYTES // 1_000_000} MB."
)


def check_extra() -> None:
    """Raise an error if the packages for a report are missing.

    Raises
    ------
    MissingExtraError
        If one is missing.
    """
    try:
        import jinja2  # noqa: F401 - is it installed?
    except ImportError:
        raise MissingExtraError(
            'A report needs jinja2. Install it with: pip install "sdae[report]"'
        ) from None
    new_figure(1, 1)


def write_report(
    run: RunFolder,
    path: Path | None = None,
    data: str | None = None,
    target: Target = None,
    *,
    playground: bool = True,
) -> tuple[Path, Facts]:
    """Write the report of a finished run; return its path and its facts.

    Parameters
    ----------
    run : RunFolder
    path : Path or None
        By default ``report.html`` in the run. A file in the run is added to its manifest.
    data : str or None
    target : str, sequence of str, or None
        Other rows than the run's own, and the column of their labels.
    playground : bool
        Whether to embed the network in the page.

    Raises
    ------
    SdaeError
        If the extra is missing, the run is damaged, the data cannot be read, or the file cannot be
        written.
    """
    check_extra()
    path = run.path / REPORT if path is None else path
    if path.is_symlink():
        raise FileFormatError(f"{path} is a link. Name its target, or remove it.")
    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidParameterError(f"A report must be a .html file. Got {path} instead.")
    inside = path.resolve().parent == run.path.resolve()
    with locked_name(run.path) if inside else nullcontext():
        sealed = inside and (run.path / MANIFEST).exists()
        if sealed:
            _check_whole(run, path.name)
        facts = facts_of(run, data, target, playground=playground)
        write_atomically(path, page_of(facts, wanted=playground).encode("utf-8", "replace"))
        if sealed:
            run.seal(path.name, data_hash=run.data_hash())
    return path, facts


def page_of(facts: Facts, *, wanted: bool = True, most_bytes: int = MOST_BYTES) -> str:
    """Return the page with as much of the playground as fits."""
    from sdae.app.report.page import lay_out, render

    laid, full = lay_out(facts), facts.playground
    if full is None:
        return render(laid, None, _TOO_LARGE if wanted else "")
    attempts = [(full, "")]
    if full.classifier is not None:
        attempts.append((replace(full, autoencoder=None), _NO_RECONSTRUCTIONS))
    for playground, note in attempts:
        page = render(laid, playground, note)
        if len(page.encode("utf-8", "replace")) <= most_bytes:
            return page
    return render(laid, None, _TOO_LARGE)


def _check_whole(run: RunFolder, replaced: str) -> None:
    """Raise an error if files differ from the manifest, before a new manifest is written."""
    for verdict in verify(run.path):
        if verdict.problem is not None and verdict.name != replaced:
            raise FileFormatError(
                f"{run.path} is damaged: {verdict.name}. {verdict.problem} Check it with: sdae "
                f"verify {run.path}"
            )
