"""A page about a run: the training, what the network learned, how well it predicts.

Facts are computed first, as frozen records without HTML (:mod:`sdae.app.report.facts`); then the
page is written from them (:mod:`sdae.app.report.page`). Only this package imports jinja2.
"""
