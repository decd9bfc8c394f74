"""The heads: every table against the entries, and the two that are neither classes nor values."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import sdae
from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.app.export import numpy_program as program
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.inference import answers, probabilities
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model, load_model, save_model
from tests.core.stacks import V, make, randomised, rows

NETWORK_JS = Path(sdae.__file__).parent / "app" / "report" / "static" / "network.js"
HEADS = pytest.mark.parametrize("head", list(Head))
N, N_OUT = 7, 3
Y: dict[Head, NDArray[Any]] = {
    Head.CLASSES: np.array([0, 1, 2, 2, 1, 0, 2]),
    Head.MULTILABEL: np.array([[0, 1, 1], [0, 0, 0], [1, 1, 1], *[[1, 0, 0]] * 4]),
    Head.REGRESSION: np.linspace(-2, 3, N * N_OUT).reshape(N, N_OUT),
    Head.POISSON: np.arange(N * N_OUT).reshape(N, N_OUT) % 5 * 1.0,
}
RAW = torch.linspace(-4, 4, N * N_OUT, dtype=torch.float64).reshape(N, N_OUT).flip(0)


def with_head(head: Head, n_outputs: int = N_OUT, **options: Any) -> StackedDenoisingAutoencoder:
    """Return a stack with random parameters."""
    given = {"n_classes": None, head.facts.parameter: n_outputs, "head": head}
    return randomised(make(**(given | options)))


def test_every_head_is_tried() -> None:
    assert set(Y) == set(Head)


def sigmoid(a: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1 / (1 + np.exp(-a)))


def loss_by_hand(head: Head, raw: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Write the loss of each row once more, in NumPy."""
    if head is Head.CLASSES:
        p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
        return np.asarray(-np.log(p[np.arange(N), y]))
    if head is Head.MULTILABEL:
        p = sigmoid(raw)
        return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1))
    if head is Head.REGRESSION:
        return np.asarray(((raw - y) ** 2).mean(axis=1) / 2)
    logs = np.where(y > 0, np.log(np.where(y > 0, y, 1)), 0)
    return np.asarray((np.exp(raw) - y * raw + y * logs - y).mean(axis=1))


@HEADS
def test_a_loss_is_its_formula_and_finite_far_out(head: Head) -> None:
    y = head.facts.check(Y[head], N, N_OUT, "the set", RAW)
    found = head.facts.loss(RAW, y)
    np.testing.assert_allclose(found.numpy(), loss_by_hand(head, RAW.numpy(), Y[head]), rtol=1e-12)
    far = head.facts.loss(RAW * 20, y)
    assert bool(far.isfinite().all())


@HEADS
def test_an_answer_that_is_right_has_no_error(head: Head) -> None:
    y = head.facts.check(Y[head], N, N_OUT, "the set", RAW)
    assert head.facts.error(y, y).double().abs().max() < 1e-12
    wrong = head.facts.error(y.flip(0), y).double()
    assert wrong.shape == (N,)
    assert float(wrong.max()) > 0


def test_the_error_of_labels_is_the_share_of_wrong_ones() -> None:
    y = torch.tensor([[0, 1, 1], [0, 0, 0.0]])
    predicted = torch.tensor([[1, 1, 1], [0, 0, 0]])
    assert Head.MULTILABEL.facts.error(predicted, y).tolist() == [1 / 3, 0]


@HEADS
def test_answers_and_probabilities_belong_together(head: Head) -> None:
    raw = RAW.numpy()
    answer = answers(head, raw)
    if head.facts.probabilities is None:
        expected = raw if head is Head.REGRESSION else np.exp(raw)
        np.testing.assert_allclose(answer, expected, rtol=1e-14)
        return
    p = probabilities(head, raw)
    np.testing.assert_allclose(p, head.facts.probabilities(RAW).numpy(), rtol=1e-13)
    if head.facts.picks_one:
        np.testing.assert_allclose(p.sum(axis=1), 1)
        assert answer.tolist() == p.argmax(axis=1).tolist()
    else:
        assert answer.tolist() == (p > 0.5).astype(int).tolist()


@HEADS
def test_the_program_of_an_export_makes_the_same_answers(
    head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = {"classes": None, "target_scale": 1.0, "target_offset": 0.0}
    monkeypatch.setattr(program, "model", lambda: (about, {"head.bias": np.zeros(N_OUT)}))
    of_outputs, answer = program.HEADS[head]
    raw = RAW.numpy()
    np.testing.assert_allclose(np.array(answer(raw), float), answers(head, raw), rtol=1e-14)
    if head.facts.probabilities is None:
        with pytest.raises(ValueError, match="without probabilities"):
            of_outputs(raw)
    else:
        np.testing.assert_allclose(of_outputs(raw), probabilities(head, raw), rtol=1e-13)


def test_the_program_of_an_export_knows_every_head_and_parameter() -> None:
    assert set(program.HEADS) == set(Head)
    assert {h.facts.parameter: Head.of(h.facts.parameter) for h in Head} == program.OF_PARAMETER


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@HEADS
def test_its_operations_of_onnx_make_the_same_answers(head: Head, dtype: Any) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    from sdae.app.export.onnx_nodes import Graph

    raw = RAW.numpy().astype(dtype)
    for of, expected in (
        (head.facts.answer_onnx, lambda: answers(head, raw)),
        (head.facts.probabilities_onnx, lambda: probabilities(head, raw)),
    ):
        if of is None:
            continue
        graph, kind = Graph(), np.dtype(dtype)
        graph.input("a", kind, N_OUT)
        graph.expression(of, "a", kind, "out")
        wanted = expected()
        is_number = wanted.dtype.kind == "i"
        width = None if wanted.ndim == 1 else N_OUT
        graph.output("out", np.dtype(np.int64) if is_number else kind, width)
        made = onnx.helper.make_graph(
            graph.nodes, "s", graph.inputs, graph.outputs, initializer=graph.constants
        )
        model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)])
        onnx.checker.check_model(model, full_check=True)
        found: Any = ReferenceEvaluator(model).run(None, {"a": raw})
        np.testing.assert_allclose(found[0], wanted, rtol=1e-6)


def test_the_script_of_a_page_lists_every_head_with_probabilities() -> None:
    script = NETWORK_JS.read_text(encoding="utf-8")
    table = script[script.index("const heads = {") :].split("};")[0]
    for head in Head:
        assert (f"    {head}" in table) == (head.facts.probabilities is not None)


# -- in a stack -----------------------------------------------------------------------------------


@HEADS
def test_a_stack_has_the_head_it_is_asked_for(head: Head, tmp_path: Path) -> None:
    stack = with_head(head)
    assert (stack.head_kind, stack.n_outputs) == (head, N_OUT)
    for parameter in ("n_classes", "n_labels", "n_targets"):
        assert getattr(stack, parameter) == (N_OUT if parameter == head.facts.parameter else None)
    save_model(Model(stack), tmp_path / "model")
    again = load_model(tmp_path / "model").stack
    assert again.head_kind is head
    x = rows(9)
    assert again.answers(x).equal(stack.answers(x))
    assert again.output(x).equal(stack.output(x))


def test_a_multilabel_stack_answers_with_labels_and_their_probabilities() -> None:
    stack, x = with_head(Head.MULTILABEL), rows(9)
    p, found = stack.predict_proba(x), stack.predict(x)
    assert p.shape == found.shape == (9, N_OUT)
    assert found.dtype == torch.int64
    assert found.tolist() == (p > 0.5).long().tolist()
    assert stack.errors(x, found) == 0
    assert stack.errors(x, 1 - found) == 1
    expected = loss_by_hand_of(stack, x, found)
    assert float(stack.negative_log_likelihood(x, found).detach()) == pytest.approx(
        expected, rel=1e-5
    )
    with pytest.raises(InvalidParameterError, match="3 labels, which does not predict values"):
        stack.predict_values(x)


def loss_by_hand_of(stack: StackedDenoisingAutoencoder, x: NDArray[Any], y: torch.Tensor) -> float:
    p = stack.predict_proba(x).double()
    return float(-(y * p.log() + (1 - y) * (1 - p).log()).sum(dim=1).mean())


def test_a_poisson_stack_predicts_means() -> None:
    stack, x = with_head(Head.POISSON), rows(9)
    torch.testing.assert_close(stack.predict_values(x), stack.output(x).exp())
    assert bool((stack.predict_values(x) > 0).all())
    with pytest.raises(
        InvalidParameterError, match="poisson head for 3 targets, which does not predict"
    ):
        stack.predict_proba(x)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_labels": 0}, "The n_labels parameter of .* must be an integer ≥ 1. Got 0"),
        ({"n_labels": 2, "n_targets": 2}, "n_targets .* None where n_labels is given"),
        ({"n_targets": 2, "head": "multilabel"}, "must be 'regression' or 'poisson'. Got 'mul"),
        ({"head": "poisson"}, "A poisson head needs n_targets."),
        ({"n_targets": 2, "head": "poison"}, "Did you mean 'poisson'"),
    ],
)
def test_a_head_that_cannot_be_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        make(**({"n_classes": None} | options))


def test_a_multilabel_head_comes_later_too() -> None:
    stack = make(n_classes=None)
    stack.add_multilabel_head(N_OUT)
    assert stack.head_kind is Head.MULTILABEL
    with pytest.raises(InvalidParameterError, match="has a head for 3 labels already"):
        stack.add_multilabel_head(N_OUT)
    other = make(n_classes=None)
    other.add_regression_head(2, "poisson")
    assert other.head_kind is Head.POISSON


# -- trained --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.bool_, np.float32, np.uint16])
def test_labels_are_zeros_and_ones_of_any_type(kind: Any) -> None:
    y = Y[Head.MULTILABEL].astype(kind)
    found = Head.MULTILABEL.facts.check(y, N, N_OUT, "the set", torch.zeros(1, dtype=torch.float32))
    assert found.dtype == torch.float32
    assert found.tolist() == Y[Head.MULTILABEL].tolist()


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (np.zeros((N, N_OUT + 1)), r"must have shape \(7, 3\), a column for each label"),
        (np.zeros(N), r"must have shape \(7, 3\).* Got shape \(7,\)"),
        (np.full((N, N_OUT), 2), "must be zeros and ones: 1 where a row has the label. Got 2"),
        (np.full((N, N_OUT), np.nan), "must be zeros and ones.* Got nan"),
        (np.full((N, N_OUT), 0.5), "must be zeros and ones.* Got 0.5"),
    ],
)
def test_labels_that_are_none_are_refused(y: NDArray[Any], text: str) -> None:
    with pytest.raises(DataError, match=text):
        finetune(with_head(Head.MULTILABEL), (rows(N), y), None)


def test_counts_below_zero_are_refused() -> None:
    y = Y[Head.POISSON].copy()
    y[4, 1] = -1
    with pytest.raises(DataError, match=r"must be at least 0, as counts are\. Got -1.*row 4"):
        finetune(with_head(Head.POISSON), (rows(N), y), None)


def learnable(head: Head, n: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return rows and targets that depend on them."""
    x = np.random.default_rng(3).random((n, V), dtype=np.float32)
    if head.facts.picks_one:
        return x, x[:, :N_OUT].argmax(axis=1)
    if head is Head.MULTILABEL:
        return x, (x[:, :N_OUT] > 0.5).astype(int)
    means = np.exp(2 * x[:, :N_OUT])
    return x, np.random.default_rng(4).poisson(means).astype(float)


@HEADS
def test_every_head_learns_after_pretraining(head: Head) -> None:
    x, y = learnable(head, 240)
    stack = make(
        (20,), activation="relu", **{"n_classes": None, head.facts.parameter: N_OUT}, head=head
    )
    pretrain(stack, x, epochs=1, learning_rate=0.01, batch_size=20)
    history = finetune(
        stack, (x, y), (x, y), epochs=40, learning_rate=0.02, batch_size=20, optimizer="adam",
        early_stopping=False,
    )  # fmt: skip
    errors = [record.validation_error for record in history.records]
    assert errors[-1] is not None
    assert errors[0] is not None
    assert errors[-1] < 0.75 * errors[0]
    if head.facts.probabilities is not None:
        assert errors[-1] < 0.15


@pytest.mark.parametrize("head", [Head.MULTILABEL, Head.POISSON])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_cut_within_an_epoch_ends_with_the_same_bytes(
    head: Head, optimizer: str, tmp_path: Path
) -> None:
    x, y = learnable(head, 1400)

    def trained(checkpoint: sdae.Checkpoint | None) -> StackedDenoisingAutoencoder:
        stack = with_head(head, sizes=(6,))
        finetune(
            stack, (x, y), (x[:50], y[:50]), epochs=2, learning_rate=0.01, batch_size=5,
            optimizer=optimizer, checkpoint=checkpoint,
        )  # fmt: skip
        return stack

    class Cut(Exception):
        pass

    n_asked = 0

    def interruption() -> Cut | None:
        nonlocal n_asked
        n_asked += 1
        return Cut() if n_asked == 4 else None

    whole = trained(None)
    keep = sdae.Checkpoint(tmp_path, every="1steps", interruption=interruption)
    with pytest.raises(Cut):
        trained(keep)
    again = trained(sdae.Checkpoint(tmp_path, every="1steps"))
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert one.equal(other)
