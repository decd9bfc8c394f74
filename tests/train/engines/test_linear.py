"""Layers by oneDNN in autograd: right gradients everywhere, and the engines take them."""

import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.blocks import Blocks
from sdae.core.kinds.optimizers import Optimizer
from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train.engines import products
from sdae.train.engines.consistency import ConsistencyFinetuning
from sdae.train.engines.products import faster_products, linear
from sdae.train.settings import FinetuningConfig

sizes = st.integers(1, 40)
X = np.random.default_rng(0).random((60, 30), np.float32)
Y = np.random.default_rng(1).integers(0, 3, 60)
Layer = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@pytest.fixture(autouse=True)
def _every_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take small products from oneDNN too, and on any processor."""
    monkeypatch.setattr(products, "FEWEST_PRODUCTS", 0)
    monkeypatch.setattr(products, "_mkl_is_slow", lambda: True)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Return a list that gets the sizes (n, m, k) of each product taken from oneDNN."""
    sizes: list[tuple[int, int, int]] = []
    usual = products._by_onednn

    def counted(left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
        sizes.append((left.shape[0], right.shape[0], left.shape[1]))
        return usual(left, right, bias)

    monkeypatch.setattr(products, "_by_onednn", counted)
    products._has_onednn()
    sizes.clear()
    return sizes


def _numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _gradients(layer: Layer, inputs: list[Tensor | None], turned: bool) -> list[Tensor]:
    """Return the output of a layer and the gradients of a cost by those inputs that want them."""
    x, weight, bias = inputs
    assert x is not None
    assert weight is not None
    output = layer(x, weight.t() if turned else weight, bias)
    wanted = [each for each in inputs if each is not None and each.requires_grad]
    factors = _numbers(*output.shape, seed=9).to(output.dtype)
    return [output, *torch.autograd.grad((factors * output).sum(), wanted)]


def _assert_close(ours: list[Tensor], theirs: list[Tensor], tolerance: float = 1e-6) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        scale = max(1.0, float(other.detach().abs().max()))
        assert float((one.double() - other.double()).detach().abs().max()) <= tolerance * scale


@given(n=sizes, m=sizes, k=sizes, turned=st.booleans(), wants=st.integers(1, 7), bias=st.booleans())
def test_gradients_are_those_of_float64(
    n: int, m: int, k: int, turned: bool, wants: int, bias: bool
) -> None:
    shape = (k, m) if turned else (m, k)
    inputs = [_numbers(n, k, seed=1), _numbers(*shape, seed=2), _numbers(m, seed=3)]
    exact = [each.double() for each in inputs]
    for these in (inputs, exact):
        for place, each in enumerate(these):
            each.requires_grad_(bool(wants & 1 << place) or (not bias and place == 0))
    ours = _gradients(linear, [*inputs[:2], inputs[2] if bias else None], turned)
    theirs = _gradients(F.linear, [*exact[:2], exact[2] if bias else None], turned)
    _assert_close(ours, theirs, 1e-6 * max(n, m, k) ** 0.5)  # of so many terms each


def test_a_tied_weight_gets_both_gradients() -> None:
    x, weight = _numbers(20, 30, seed=1), _numbers(10, 30, seed=2).requires_grad_(True)
    found = []
    for layer, kind in ((linear, torch.float32), (F.linear, torch.float64)):
        w = weight.detach().to(kind).requires_grad_(True)
        output = layer(layer(x.to(kind), w).tanh(), w.t())
        found.append(list(torch.autograd.grad(output.sin().sum(), w)))
    _assert_close(found[0], found[1], 1e-5)
    assert found[0][0].is_contiguous()


def test_the_gradient_of_a_transposed_weight_lies_as_the_weight_does(
    taken: list[tuple[int, int, int]],
) -> None:
    h, weight = _numbers(7, 10, seed=1), _numbers(10, 30, seed=2).t().requires_grad_(True)
    (gradient,) = torch.autograd.grad(linear(h, weight).sum(), weight)
    assert gradient.stride() == weight.stride()
    assert taken == [(7, 30, 10), (10, 30, 7)]


def test_slopes_that_are_one_number_many_times() -> None:
    """As those of a sum are, whose strides are 0."""
    inputs = [_numbers(6, 5, seed=1), _numbers(4, 5, seed=2), _numbers(4, seed=3)]
    found = []
    for layer, kind in ((linear, torch.float32), (F.linear, torch.float64)):
        these = [each.to(kind).requires_grad_(True) for each in inputs]
        found.append(list(torch.autograd.grad(layer(*these).sum(), these)))
    _assert_close(found[0], found[1])


def test_gradients_have_gradients() -> None:
    """Nothing here takes them; a hook or a layer of a user may."""
    inputs = [_numbers(6, 5, seed=1), _numbers(4, 5, seed=2), _numbers(4, seed=3)]
    found = []
    for layer, kind in ((linear, torch.float32), (F.linear, torch.float64)):
        x, w, b = (each.to(kind).requires_grad_(True) for each in inputs)
        (gradient,) = torch.autograd.grad(layer(x, w, b).sin().sum(), x, create_graph=True)
        found.append(list(torch.autograd.grad(gradient.square().sum(), (x, w, b))))
    _assert_close(found[0], found[1], 1e-5)


def test_all_three_products_of_a_layer_go_by_onednn(taken: list[tuple[int, int, int]]) -> None:
    layer, x = nn.Linear(30, 20), torch.from_numpy(X).requires_grad_(True)
    with faster_products(layer, 60):
        layer(x).sin().sum().backward()
    assert taken == [(60, 20, 30), (60, 30, 20), (20, 30, 60)]
    taken.clear()
    layer(x).sum().backward()
    assert taken == []


@pytest.mark.parametrize(
    "other", ["float64", "three axes", "off", "few products", "MKL is not slow"]
)
def test_other_layers_are_left_to_pytorch(
    other: str, taken: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, w = _numbers(6, 5, seed=1), _numbers(4, 5, seed=2).requires_grad_(True)
    match other:
        case "float64":
            x, w = x.double(), w.detach().double().requires_grad_(True)
        case "three axes":
            x = x.unsqueeze(0)
        case "off":
            monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
        case "few products":
            monkeypatch.setattr(products, "FEWEST_PRODUCTS", 6 * 5 * 4 + 1)
        case "MKL is not slow":
            monkeypatch.setattr(products, "_mkl_is_slow", lambda: False)
    with faster_products(nn.Linear(500, 500), 6):  # large enough
        output = F.linear(x, w)
        output.sum().backward()
    assert torch.equal(output, F.linear(x, w))
    assert taken == []


@pytest.mark.parametrize("other", ["autocast", "sparse", "widths", "bias", "type of the bias"])
def test_what_a_hook_may_ask_for_is_left_to_pytorch(
    other: str, taken: list[tuple[int, int, int]]
) -> None:
    x, w, bias = _numbers(6, 5, seed=1), _numbers(4, 5, seed=2), _numbers(4, seed=3)
    match other:
        case "sparse":
            x = x.to_sparse()
        case "widths":
            w = w[:, :4]
        case "bias":
            bias = bias[:1]
        case "type of the bias":
            bias = bias.double()

    def outcome() -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=other == "autocast"):
            try:
                return F.linear(x, w, bias).tolist()
            except RuntimeError as error:
                return str(error)

    expected = outcome()
    with faster_products(nn.Linear(500, 500), 6):
        assert outcome() == expected
    assert taken == []


@pytest.mark.parametrize(("batch_size", "serves"), [(6, False), (7, True)])
def test_networks_of_small_layers_are_left_alone(
    batch_size: int, serves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "FEWEST_PRODUCTS", 7 * 20)
    with faster_products(nn.Linear(5, 4), batch_size) as mode:
        assert (mode is not None) is serves


@pytest.mark.parametrize(
    ("text", "has_mkl", "slow"),
    [
        ("vendor_id\t: GenuineIntel\n", True, False),
        ("vendor_id\t: AuthenticAMD\n", True, True),
        ("vendor_id\t: AuthenticAMD\n", False, False),
        (None, True, False),
    ],
)
def test_mkl_is_slow_on_processors_that_are_not_intels(
    text: str | None, has_mkl: bool, slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the fixture above

    def read_text(_path: object) -> str:
        if text is None:
            raise FileNotFoundError
        return text

    monkeypatch.setattr(Path, "read_text", read_text)
    windows = "Intel64 Family 6 Model 143 Stepping 8, GenuineIntel"
    monkeypatch.setattr(platform, "processor", lambda: windows)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: has_mkl)
    assert products._mkl_is_slow.__wrapped__() is slow


# -- the engines ----------------------------------------------------------------------------


def _pretrained(**settings: object) -> StackedDenoisingAutoencoder:
    stack = StackedDenoisingAutoencoder(30, (20,), 3, corruption_levels=0.3, **settings)  # type: ignore[arg-type]
    pretrain(stack, X, epochs=2, batch_size=20, optimizer="adam", engine="autograd")
    return stack


def _finetuned(methods: list[str] | None = None, **settings: float) -> StackedDenoisingAutoencoder:
    stack = StackedDenoisingAutoencoder(30, (20, 10), 3, activation="relu")
    finetune(
        stack,
        (X[:40], Y[:40]),
        None,
        epochs=2,
        batch_size=20,
        optimizer="adam",
        engine="autograd",
        semi_supervised=methods,
        unlabeled=None if methods is None else X[40:],
        **settings,  # type: ignore[arg-type]
    )
    return stack


TABLE = Blocks(numbers=(1,) * 10, n_binaries=5, levels=(4, 5, 6), gap_values=(0.0,) * 15)
TRAININGS: dict[str, Callable[[], StackedDenoisingAutoencoder]] = {
    "tied": lambda: _pretrained(),
    "untied": lambda: _pretrained(tied=False),
    "a linear decoder": lambda: _pretrained(decoder="linear", activation="tanh"),
    "blocks": lambda: _pretrained(blocks=TABLE),
    "fine-tuning": lambda: _finetuned(),
    "dropout": lambda: _finetuned(dropout=0.3, input_dropout=0.1, max_norm=2.0),
    "vat": lambda: _finetuned(["vat"]),
    "mean_teacher": lambda: _finetuned(["mean_teacher"]),
    "label_spreading": lambda: _finetuned(["label_spreading"]),
}


@pytest.mark.parametrize("training", TRAININGS)
def test_a_training_differs_from_pytorchs_products_by_rounding(
    training: str, taken: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = TRAININGS[training]()
    assert taken != []
    again = TRAININGS[training]()
    monkeypatch.setattr(products, "_mkl_is_slow", lambda: False)
    taken.clear()
    theirs = TRAININGS[training]()
    assert taken == []
    for one, same, other in zip(
        ours.parameters(), again.parameters(), theirs.parameters(), strict=True
    ):
        assert torch.equal(one, same)
        assert torch.allclose(one, other, rtol=0, atol=1e-4)


def test_products_of_a_step_of_pretraining(taken: list[tuple[int, int, int]]) -> None:
    stack = StackedDenoisingAutoencoder(30, (20,), corruption_levels=0.3)
    pretrain(stack, X[:15], epochs=1, batch_size=15, engine="autograd", optimizer="adam")
    assert taken[:2] == [(15, 20, 30), (15, 30, 20)]  # H and A
    assert sorted(taken[2:5]) == [(15, 20, 30), (20, 30, 15), (20, 30, 15)]  # Δ of H, W twice


def test_the_gradient_of_a_probe_takes_no_products_for_weights(
    taken: list[tuple[int, int, int]],
) -> None:
    """Of 4 passes of 20 rows 3 have gradients of weights: labelled, clean and adversarial rows."""
    stack = StackedDenoisingAutoencoder(30, (25,), 3)
    config = FinetuningConfig(
        batch_size=20, optimizer=Optimizer.ADAM, semi_supervised=("vat",), epochs=1
    )
    rows, labels = TensorRows(torch.from_numpy(X)), torch.from_numpy(Y[:40])
    engine = ConsistencyFinetuning(stack, rows, labels, config, 0, 1)
    engine.train(minibatches(20, 20, order=None), 1, 0.01)
    assert taken.count((20, 25, 30)) == 4  # H
    assert taken.count((25, 30, 20)) == 3  # of weights
    assert taken.count((20, 30, 25)) == 1  # of the probe
