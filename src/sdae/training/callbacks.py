"""The events of training and their callbacks: public names of :mod:`sdae.train.callbacks`."""

from sdae.train.callbacks import (
    Callbacks,
    EpochEnded,
    PartStarted,
    SliceEnded,
    StageEnded,
    StageResumed,
    StageStarted,
    ValidationImproved,
    log_findings,
)

__all__ = [
    "Callbacks",
    "EpochEnded",
    "PartStarted",
    "SliceEnded",
    "StageEnded",
    "StageResumed",
    "StageStarted",
    "ValidationImproved",
    "log_findings",
]
