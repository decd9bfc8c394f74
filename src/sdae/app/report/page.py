"""The page: facts in templates. One HTML file that loads nothing from the internet."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sdae.app.report import drawings, table_views, views
from sdae.app.report.facts import Facts
from sdae.app.report.page_words import counted, duration, number, percent, short
from sdae.app.report.playground import TOLERANCE, Playground
from sdae.app.report.view_parts import MOST_COLUMNS

_FORMS = ("forms.js",)  # of images and numbers
_TABLE_FORMS = ("table.js", "table_form.js")  # of a schema


Laid = dict[str, Any]


def lay_out(facts: Facts) -> Laid:
    """Return all that the templates show except the playground."""
    return {"facts": facts, "style": Markup(_static("style.css")), **_views(facts)}


def render(laid: Laid, playground: Playground | None, playground_note: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    laid : dict
        The result of :func:`lay_out`.
    playground : Playground or None
        The networks to embed, or None.
    playground_note : str
        A note about what is left out.
    """
    forms = _FORMS if laid["schema"] is None else _TABLE_FORMS
    ladder = ["ladder.js"] if laid["facts"].networks.is_ladder else []
    names = ["page.js", *(["network.js", *ladder, *forms, "playground.js"] if playground else [])]
    scripts = [_static(name) for name in names]
    template = _environment().get_template("page.html.j2")
    return template.render(
        **laid,
        playground=playground,
        playground_note=playground_note,
        tolerance=TOLERANCE,
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
    )


def _views(facts: Facts) -> dict[str, Any]:
    """Return the values that the templates show."""
    shape, labels, columns = (
        views.image_shape(facts),
        views.labels_of(facts),
        views.columns_of(facts),
    )
    schema, rows = facts.networks.final.schema, facts.rows
    shown = None if rows is None else rows.shown
    answers, gallery, codes_map = facts.answers, facts.gallery, facts.codes_map
    y = None if codes_map is None else codes_map.part.y
    return {
        "labels": labels,
        "schema": schema,
        "columns": [] if schema is None else table_views.column_views(schema, facts.hidden, shown),
        "left_out": [] if schema is None else table_views.left_out(schema),
        "curves": [
            (curve, drawings.curve_charts(curve, of_values=facts.networks.predicts_values))
            for curve in facts.training.curves
        ],
        "layers": [
            {
                "facts": layer,
                "histogram": drawings.histogram_chart(layer),
                "spectrum": drawings.spectrum_chart(layer),
                "filters": None if shape is None else drawings.filters_picture(layer, shape),
                "bars": [] if shape is not None else views.unit_bars(layer, facts),
            }
            for layer in facts.layers
        ],
        "steps": [] if gallery is None else views.step_views(gallery, facts),
        "calibration": None if answers is None else drawings.calibration_chart(answers),
        "scatters": []
        if facts.value_answers is None
        else [drawings.scatter_chart(target) for target in facts.value_answers.targets],
        "confusion_picture": None if answers is None else views.confusion_view(answers),
        "confusion_shares": [] if answers is None else views.confusion_shares(answers),
        "wrong": [] if answers is None else views.wrong_views(answers, facts),
        "maps": []
        if codes_map is None
        else [(p, views.groups_of(p, y, len(labels))) for p in codes_map.projections],
        "legend": [] if codes_map is None else views.legend_of(codes_map, labels),
        "map_points": None if codes_map is None else views.map_points(codes_map, labels),
        "n_columns": len(columns),
        "most_columns": MOST_COLUMNS,
        "is_image": shape is not None,
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sdae.app.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        short=short, percent=percent, duration=duration, number=number, counted=counted
    )
    return environment


def _static(name: str) -> str:
    return (files("sdae.app.report") / "static" / name).read_text("utf-8")


def _policy(scripts: list[str]) -> str:
    """Return the policy of the page: only its own scripts run, and nothing is loaded."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
