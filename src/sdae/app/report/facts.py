"""All facts of a report, as numbers; other modules draw and word them."""

from dataclasses import dataclass, replace

from sdae.app.recipes.recipe import Recipe
from sdae.app.report.answers import Answers, answers_of
from sdae.app.report.codes_map import CodesMap, map_of
from sdae.app.report.gallery import Gallery, gallery_of, trained_noise
from sdae.app.report.hidden_columns import HiddenColumns, hidden_columns_of
from sdae.app.report.label_answers import LabelAnswers, label_answers_of
from sdae.app.report.layers import LayerFacts, layer_facts
from sdae.app.report.page_words import short
from sdae.app.report.playground import MOST_WEIGHTS, Playground, n_weights, playground_of
from sdae.app.report.probes import Probes, probe_layers
from sdae.app.report.reproduce import Reproduction, reproduction_of
from sdae.app.report.shown_rows import ReportRows, given_rows, own_rows
from sdae.app.report.stages import Networks
from sdae.app.report.training_curves import Architecture, Training, architecture_of, training_of
from sdae.app.report.value_answers import ValueAnswers, value_answers_of
from sdae.app.runs.model_rows import outputs_of
from sdae.app.runs.run_folder import PRETRAINED, RunFolder
from sdae.core.errors import SdaeError
from sdae.core.kinds.noises import Noise
from sdae.data.label_columns import Target

_GALLERY_IMAGES, _GALLERY_ROWS = 10, 3
_ROWS_OF_CODES = 2_000
_COMPARED_ROWS = 1_000


@dataclass(frozen=True, eq=False)
class Facts:
    """A run, in numbers.

    Attributes
    ----------
    name : str
        Name of the run's folder.
    source : str
        Name of the data.
    networks : Networks
    architecture : Architecture
    training : Training
    layers : tuple of LayerFacts
    reproduction : Reproduction
    rows : ReportRows or None
        None if the data could not be read; facts that need rows are then None too.
    n_updates : int or None
        Updates of the training of a ladder.
    unread : str or None
        Why the data could not be read: the text of the error.
    hidden : HiddenColumns or None
        What each column of a table contributes.
    probes, gallery, answers, label_answers, value_answers, codes_map : or None
    playground : Playground or None
        None if it is not wanted, the network is too large, or the page cannot compute its answers.
    """

    name: str
    source: str
    networks: Networks
    architecture: Architecture
    training: Training
    layers: tuple[LayerFacts, ...]
    reproduction: Reproduction
    rows: ReportRows | None = None
    n_updates: int | None = None
    unread: str | None = None
    hidden: HiddenColumns | None = None
    probes: Probes | None = None
    gallery: Gallery | None = None
    answers: Answers | None = None
    label_answers: LabelAnswers | None = None
    value_answers: ValueAnswers | None = None
    codes_map: CodesMap | None = None
    playground: Playground | None = None


def facts_of(
    run: RunFolder, data: str | None = None, target: Target = None, *, playground: bool = True
) -> Facts:
    """Compute the facts of a report about a run.

    Parameters
    ----------
    run : RunFolder
        A finished run.
    data : str or None
        Rows to use instead of the run's own.
    target : str, sequence of str, or None
        The columns of their labels.
    playground : bool
        Whether to embed the network in the page.

    Raises
    ------
    SdaeError
        If the run or the named data cannot be read. If the run's own data cannot be read, there is
        no error: `unread` says why.
    """
    recipe, final = run.recipe(), run.model()
    finetuned = (run.path / PRETRAINED).is_file()
    networks = Networks(run.pretrained() if finetuned else final, final, finetuned)
    rows, unread = None, None
    if data is not None:
        rows = given_rows(data, target, recipe, final)
    else:
        try:
            rows = own_rows(recipe, final, run.data_hash())
        except SdaeError as error:
            unread = str(error)
    shown = None if rows is None else rows.shown
    facts = Facts(
        name=run.path.resolve().name,
        source=str(final.provenance.get("data", "")) if rows is None else rows.source,
        networks=networks,
        architecture=architecture_of(final),
        training=training_of(run.records()),
        layers=layer_facts(
            networks, None if shown is None else shown.sample(_ROWS_OF_CODES, recipe.seed)
        ),
        reproduction=reproduction_of(run, recipe, final),
        rows=rows,
        n_updates=_updates_of(recipe),
        unread=unread,
    )
    if rows is not None:
        n_rows = _GALLERY_ROWS if rows.image_shape is None else _GALLERY_IMAGES
        facts = replace(
            facts,
            hidden=hidden_columns_of(networks, rows.shown, recipe.seed),
            probes=probe_layers(networks, rows, recipe.seed),
            gallery=gallery_of(networks.pretrained, recipe, rows.shown, n_rows),
            answers=answers_of(networks, rows.shown),
            label_answers=label_answers_of(networks, rows.shown),
            value_answers=value_answers_of(networks, rows.shown),
            codes_map=map_of(networks, rows.shown, recipe.seed),
        )
    if playground and n_weights(networks) <= MOST_WEIGHTS:
        noise = trained_noise(networks.pretrained, recipe)
        facts = replace(facts, playground=_playground(facts, noise, recipe.seed))
    return facts


def _updates_of(recipe: Recipe) -> int | None:
    given = recipe.ladder.n_updates
    return given if recipe.is_ladder and isinstance(given, int) else None


def _playground(facts: Facts, noise: Noise, seed: int) -> Playground:
    rows, model = facts.rows, facts.networks.final
    shape = model.image_shape if rows is None else rows.image_shape
    answered = outputs_of(model)
    classes = None if answered is None else answered[1]
    shows_numbers = shape is None and model.schema is None
    names = model.feature_names or [f"x{column}" for column in range(model.stack.n_visible)]
    return playground_of(
        facts.networks,
        noise,
        labels=None if classes is None else [short(label) for label in classes],
        columns=[short(name) for name in names] if shows_numbers else None,
        image_shape=shape,
        examples=None if facts.gallery is None else facts.gallery.part,
        compared=None if rows is None else rows.shown.sample(_COMPARED_ROWS, seed),
        centred=shape == (28, 28) and facts.source.lower().startswith("mnist"),
    )
