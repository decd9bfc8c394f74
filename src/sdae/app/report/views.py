"""Facts prepared for the templates: the content of cells, the lengths of bars.

Axes: n rows, V columns.
"""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sdae.app.report.answers import Answers
from sdae.app.report.codes_map import CodesMap, Projection
from sdae.app.report.colours import class_colours
from sdae.app.report.drawings import Shape, confusion_picture, gallery_strips, row_picture
from sdae.app.report.facts import Facts
from sdae.app.report.gallery import Gallery, Step
from sdae.app.report.layers import LayerFacts
from sdae.app.report.page_words import number, percent, short
from sdae.app.report.shown_rows import Part
from sdae.app.report.table_views import column_bars, row_values, table_rows
from sdae.app.report.view_parts import BAR_UNITS, BARS, MOST_COLUMNS, Bar, Cell, RowTable, UnitBars

MOST_CLASSES_IN_TABLE = 12
MOST_CLASSES_IN_LEGEND = 40
_MAP_SIZE, _MAP_MARGIN = 480, 10


@dataclass(frozen=True)
class StepView:
    """A level of corruption: images in strips, or tables; errors by what they are of and form."""

    noise: str
    strips: list[tuple[str, Markup]]
    tables: list[RowTable]
    forms: list[str]
    errors: list[tuple[str, list[float]]]


@dataclass(frozen=True)
class Group:
    """Points of one class on a map."""

    colour: str
    label: int | None
    points: list[tuple[int, float, float]]


@dataclass(frozen=True)
class WrongView:
    """A row that is classified wrongly: its image, or some of its values."""

    title: str
    detail: str
    image: Markup | None
    values: list[tuple[str, str]]


def labels_of(facts: Facts) -> list[str]:
    """Return the name of each class as it is shown."""
    classes = None if facts.rows is None else facts.rows.classes
    return [] if classes is None else [short(label) for label in classes]


def columns_of(facts: Facts) -> list[str]:
    """Return the name of each column as it is shown, (V,); of a table, of those that are used."""
    schema = facts.networks.final.schema
    if schema is not None:
        return [short(schema.names[place]) for place in sorted(schema.used_places)]
    names = facts.networks.final.feature_names
    n_columns = facts.networks.final.stack.n_visible
    return [short(n) for n in names] if names else [f"x{number}" for number in range(n_columns)]


def image_shape(facts: Facts) -> Shape | None:
    """Return height and width where rows are images."""
    return facts.networks.final.image_shape if facts.rows is None else facts.rows.image_shape


def unit_bars(layer: LayerFacts, facts: Facts) -> list[UnitBars]:
    """Return the columns that matter most to some units, with their signs if they have one."""
    schema = facts.networks.final.schema
    if schema is not None:
        return [] if facts.hidden is None else column_bars(layer, schema, facts.hidden)
    columns, found = columns_of(facts), []
    for unit, row in zip(layer.units[:BAR_UNITS], layer.favourites, strict=False):
        chosen = np.argsort(-np.abs(row), kind="stable")[:BARS]
        longest = float(np.abs(row).max()) or 1.0
        bars = []
        for column in chosen:
            half = 50 * abs(float(row[column])) / longest
            left = 50.0 if row[column] >= 0 else 50.0 - half
            bars.append(Bar(columns[column], float(row[column]), left, half))
        found.append(UnitBars(int(unit), bars))
    return found


def step_views(gallery: Gallery, facts: Facts) -> list[StepView]:
    """Prepare the gallery at every level."""
    shape = image_shape(facts)
    has_kinds = facts.networks.final.schema is not None
    return [
        StepView(
            noise=step.words,
            strips=[] if shape is None else gallery_strips(gallery, step, shape),
            tables=[] if shape is not None else _row_tables(gallery, step, facts),
            forms=[version.name for version in step.versions[2 if has_kinds else 1 :]],
            errors=_errors(step) if has_kinds else [("", [v.error for v in step.versions[1:]])],
        )
        for step in gallery.steps
    ]


def wrong_views(answers: Answers, facts: Facts) -> list[WrongView]:
    """Prepare the rows with the worst errors."""
    assert facts.rows is not None
    part, labels, shape = facts.rows.shown, labels_of(facts), image_shape(facts)
    views = []
    for wrong in answers.worst:
        row = part.x[wrong.place]
        title = f"{labels[wrong.label]}, predicted as {labels[wrong.predicted]}"
        detail = f"row {part.numbers[wrong.place]}: confidence {percent(wrong.probability, 1)}"
        image = None if shape is None else row_picture(row, shape, f"{title}, {detail}.")
        values = [] if shape is not None else _values(part, wrong.place, facts)
        views.append(WrongView(title, detail, image, values))
    return views


def _values(part: Part, place: int, facts: Facts) -> list[tuple[str, str]]:
    """Return the first columns of a row with its values."""
    schema = facts.networks.final.schema
    if schema is not None:
        return row_values(part, place, schema)
    names = columns_of(facts)[:MOST_COLUMNS]
    return [
        (name, number(value)) for name, value in zip(names, part.x[place].tolist(), strict=False)
    ]


def confusion_view(answers: Answers) -> Markup | None:
    """Return a picture if there are too many classes for a table."""
    return None if len(answers.confusion) <= MOST_CLASSES_IN_TABLE else confusion_picture(answers)


def confusion_shares(answers: Answers) -> list[list[float]]:
    """Return each count's share of its row, for the shade of its cell."""
    counts = answers.confusion
    shares: list[list[float]] = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).tolist()
    return shares


def groups_of(projection: Projection, y: NDArray[np.int64] | None, n_classes: int) -> list[Group]:
    """Group the points of a map by class, scaled to a square of 500."""
    x, down = projection.points[:, 0], 1 - projection.points[:, 1]
    places = np.round(_MAP_MARGIN + _MAP_SIZE * np.stack([x, down], axis=1), 1)
    if y is None:
        return [Group(class_colours(1)[0], None, _numbered(places, np.arange(len(places))))]
    colours = class_colours(n_classes)
    return [
        Group(colours[label], int(label), _numbered(places, np.flatnonzero(y == label)))
        for label in np.unique(y)
    ]


def legend_of(codes_map: CodesMap, labels: list[str]) -> list[tuple[int, str, str]]:
    """Return number, name and colour of the classes on a map; nothing if there are too many."""
    y = codes_map.part.y
    if y is None or len(labels) > MOST_CLASSES_IN_LEGEND:
        return []
    colours = class_colours(len(labels))
    return [(int(label), labels[label], colours[label]) for label in np.unique(y)]


def map_points(codes_map: CodesMap, labels: list[str]) -> dict[str, object]:
    """Return the texts of each point for the page."""
    y, p = codes_map.part.y, codes_map.probability
    return {
        "rows": codes_map.part.numbers.tolist(),
        "names": labels,
        "labels": None if y is None else y.tolist(),
        "predicted": None if codes_map.predicted is None else codes_map.predicted.tolist(),
        "probabilities": None if p is None else np.round(p, 3).tolist(),
    }


def _numbered(
    places: NDArray[np.float64], which: NDArray[np.int64]
) -> list[tuple[int, float, float]]:
    return [(int(point), float(places[point, 0]), float(places[point, 1])) for point in which]


def _errors(step: Step) -> list[tuple[str, list[float]]]:
    """Return what is measured of a table, with its value in each reconstruction."""
    forms = [dict(version.errors_of_kinds) for version in step.versions[2:]]
    return [(what, [errors[what] for errors in forms]) for what in forms[0]]


def _row_tables(gallery: Gallery, step: Step, facts: Facts) -> list[RowTable]:
    labels, part = labels_of(facts), gallery.part
    schema = facts.networks.final.schema
    if schema is not None:
        return table_rows(gallery, step, schema, labels)
    names = columns_of(facts)[:MOST_COLUMNS]
    clean = step.versions[0].rows
    low, span = clean.min(axis=0), np.ptp(clean, axis=0)
    tables = []
    for place in range(len(part)):
        label = "" if part.y is None or not labels else f", {labels[part.y[place]]}"
        lines = []
        for column, name in enumerate(names):
            values = [float(version.rows[place, column]) for version in step.versions]
            lines.append((name, _cells(values, float(low[column]), float(span[column]))))
        title = f"Row {part.numbers[place]}{label}"
        tables.append(RowTable(title, [version.name for version in step.versions], lines))
    return tables


def _cells(values: list[float], low: float, span: float) -> list[Cell]:
    cells = []
    for place, value in enumerate(values):
        share = min(max((value - low) / span, 0.0), 1.0) if span > 0 else 0.5
        text = number(value, span)
        changed = place == 1 and text != number(values[0], span)
        cells.append(Cell(text, round(100 * share, 1), changed))
    return cells
