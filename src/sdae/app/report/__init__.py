"""One page on a run: what was trained on what, what it learned, how well it answers.

Facts are computed first, as frozen records that know nothing of HTML
(:mod:`sdae.app.report.facts`); then they are laid out (:mod:`sdae.app.report.page`).
Only this room imports jinja2.
"""
