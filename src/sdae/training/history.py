"""The records of training: public names of :mod:`sdae.train.history`."""

from sdae.train.history import EpochRecord, Finding, History, findings_in, history_of, to_jsonl

__all__ = ["EpochRecord", "Finding", "History", "findings_in", "history_of", "to_jsonl"]
