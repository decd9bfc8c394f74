"""The second facade of a stack: a network with a head, and its predictions.

Methods that take rows also take a source, such as :func:`sdae.data.open_rows` returns. Its rows are
read some at a time, and the results do not have gradients.

Axes: B samples, V inputs, C classes, L labels, T targets of regression; O outputs are C, L or T.
"""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sdae.core.conversions import Array, Targets
from sdae.core.errors import DataError, InvalidParameterError, invalid_parameter
from sdae.core.head_layer import wanted_head, zero_head
from sdae.core.kinds.heads import Facts as HeadFacts
from sdae.core.kinds.heads import Head
from sdae.core.rows import RowSource, is_source
from sdae.core.source_rows import SourceRows, read
from sdae.core.surroundings import undisturbed
from sdae.core.targets import described

Rows = Array | RowSource
"""Rows in memory, or those of a source."""

_INFERENCE_ROWS = 1024


class Network(nn.Module):
    """A network that encodes rows, and the head on top of it.

    Attributes
    ----------
    mlp : nn.Sequential
        Its layers, the head last if there is one.
    head_kind : Head or None
        Kind of the head; its facts are in :mod:`sdae.core.kinds.heads`.
    n_outputs : int or None
        O: C, L or T; None without a head.
    """

    mlp: nn.Sequential
    head_kind: Head | None
    n_outputs: int | None

    @abstractmethod
    def encode(self, x: Rows, depth: int | None = None) -> Tensor:
        """Return the code at `depth` (default: the deepest), (B, V) -> (B, H)."""

    @abstractmethod
    def deepest_weight(self) -> Tensor:
        """Return the weight of the layer below the head, (H, …)."""

    @undisturbed()
    def add_head_of(self, kind: Head, n_outputs: int) -> None:
        """Put a zero-initialised layer on top, for any kind of head.

        Raises
        ------
        InvalidParameterError
            If there is a head already, or `n_outputs` is too small or not an integer.
        """
        if self.head_kind is not None:
            raise InvalidParameterError(
                f"The stack has a head for {self.n_outputs} {self.head_kind.facts.outputs} "
                "already. Build a new stack, or use this one."
            )
        head = zero_head(kind, n_outputs, self.deepest_weight())
        self.mlp.append(head)
        self.head_kind, self.n_outputs = kind, head.out_features

    def add_head(self, n_classes: int) -> None:
        """Put a zero-initialised logistic layer on top of the network.

        Raises
        ------
        InvalidParameterError
            If there is a head already, or `n_classes` is not an integer of at least 2.
        """
        self.add_head_of(Head.CLASSES, n_classes)

    def add_multilabel_head(self, n_labels: int) -> None:
        """Put a zero-initialised layer on top that predicts for each label whether a row has it.

        Raises
        ------
        InvalidParameterError
            If there is a head already, or `n_labels` is not an integer of at least 1.
        """
        self.add_head_of(Head.MULTILABEL, n_labels)

    def add_regression_head(self, n_targets: int, head: Head | str = Head.REGRESSION) -> None:
        """Put a zero-initialised linear layer on top of the network, which predicts values.

        Parameters
        ----------
        n_targets : int
            T, at least 1.
        head : {"regression", "poisson"}
            With ``poisson`` the layer computes logarithms of means of counts.

        Raises
        ------
        InvalidParameterError
            If there is a head already, or a parameter is not allowed.
        """
        wanted = wanted_head({"n_targets": n_targets}, head)
        if wanted is not None:
            self.add_head_of(*wanted)

    @property
    def n_classes(self) -> int | None:
        """C, or None if the head is not for classes."""
        return self._outputs_of("n_classes")

    @property
    def n_labels(self) -> int | None:
        """L, or None if the head is not for labels."""
        return self._outputs_of("n_labels")

    @property
    def n_targets(self) -> int | None:
        """T, or None if the head is not for regression."""
        return self._outputs_of("n_targets")

    @property
    def head(self) -> nn.Linear:
        """The layer on top: the logistic one, or the linear one of regression.

        Raises
        ------
        InvalidParameterError
            If the stack does not have a head yet.
        """
        top = self.mlp[-1]
        if self.n_outputs is None or not isinstance(top, nn.Linear):
            raise InvalidParameterError(
                "The stack has no head, so it cannot predict. Give it n_classes, n_labels or "
                "n_targets, or call add_head(n_classes), add_multilabel_head(n_labels) or "
                "add_regression_head(n_targets), and fine-tune it."
            )
        return top

    @property
    def head_facts(self) -> HeadFacts:
        """The facts of the head.

        Raises
        ------
        InvalidParameterError
            If the stack does not have a head yet.
        """
        _ = self.head
        assert self.head_kind is not None
        return self.head_kind.facts

    @property
    def logistic_head(self) -> nn.Linear:
        """The logistic layer, of a head that gives probabilities.

        Raises
        ------
        InvalidParameterError
            If the stack does not have a head yet, or has a regression head.
        """
        if self.head_kind is not None and self.head_kind.facts.probabilities is None:
            raise InvalidParameterError(
                f"The stack has a {self.head_kind} head for {self.n_outputs} "
                f"target{'s' * ((self.n_outputs or 0) > 1)}, which does not predict classes. Use "
                "predict_values."
            )
        return self.head

    def logits(self, x: Rows) -> Tensor:
        """Return the head's pre-activations, (B, V) -> (B, C) or (B, L)."""
        _ = self.logistic_head
        return self.output(x)

    def output(self, x: Rows) -> Tensor:
        """Return what the head's layer computes from the deepest code, (B, V) -> (B, O)."""
        if is_source(x):
            return self._in_chunks(self.output, x)
        output: Tensor = self.head(self.encode(x))
        return output

    def answers(self, x: Rows) -> Tensor:
        """Return the predictions of the head: classes, labels or values."""
        return self._in_chunks(lambda rows: self.head_facts.answer(self.output(rows)), x)

    def predict_proba(self, x: Rows) -> Tensor:
        """Return the probability of each class or label, (B, V) -> (B, O), without gradients."""
        _, probabilities = self.logistic_head, self.head_facts.probabilities
        assert probabilities is not None  # a logistic head has probabilities
        return self._in_chunks(lambda rows: probabilities(self.output(rows)), x)

    def predict(self, x: Rows) -> Tensor:
        """Return the most probable class of each row, (B, V) -> (B,) int64.

        With a multilabel head return which labels a row has, (B, V) -> (B, L) int64, 0 or 1.
        """
        _ = self.logistic_head
        return self.answers(x)

    def predict_values(self, x: Rows) -> Tensor:
        """Return the values of a regression head, (B, V) -> (B, T), without gradients."""
        if self.head_kind is not None and self.head_kind.facts.probabilities is not None:
            raise InvalidParameterError(
                f"The stack has a head for {self.n_outputs} {self.head_kind.facts.outputs}, which "
                "does not predict values. Use predict_proba or predict."
            )
        return self.answers(x)

    def negative_log_likelihood(self, x: Rows, y: Targets) -> Tensor:
        """Return −mean log p(y | x), the fine-tuning cost: (B, V), (B,) or (B, L) -> a scalar."""
        logits = self.logits(x)  # (B, O)
        return self.head_facts.loss(logits, self._targets(y, logits)).mean()

    def errors(self, x: Rows, y: Targets) -> Tensor:
        """Return the share of rows classified wrongly, or of labels: a scalar in [0, 1]."""
        predicted = self.predict(x)  # (B,) or (B, L)
        return self.head_facts.error(predicted, self._targets(y, predicted)).double().mean()

    def forward(self, x: Rows) -> Tensor:
        """Return the output of the head's layer, or without a head the deepest code."""
        return self.encode(x) if self.n_outputs is None else self.output(x)

    def _outputs_of(self, parameter: str) -> int | None:
        is_of = self.head_kind is not None and self.head_kind.facts.parameter == parameter
        return self.n_outputs if is_of else None

    def _targets(self, y: Targets, per_row: Tensor) -> Tensor:
        """Check the targets of a call, one for each row of `per_row`, (B, …)."""
        facts, n_rows, n_outputs = self.head_facts, len(per_row), self.head.out_features
        try:
            return facts.check(y, n_rows, n_outputs, "y", self.head.weight)
        except DataError:
            wanted, caller = facts.wanted(n_rows, n_outputs), "StackedDenoisingAutoencoder"
            raise invalid_parameter("y", caller, wanted, described(y)) from None

    @undisturbed()
    def _in_chunks(self, function: Callable[[Array], Tensor], x: Rows) -> Tensor:
        """Apply `function` of rows to a bounded number of them at a time, without gradients."""
        rows = SourceRows(x) if is_source(x) else x
        with torch.no_grad():
            parts = [
                function(read(rows[start : start + _INFERENCE_ROWS]))
                for start in range(0, max(len(x), 1), _INFERENCE_ROWS)
            ]
        return torch.cat(parts)
