"""Many rows at once get, to the byte, what a loop over blocks of 32 rows gives them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from sdae import StackedDenoisingAutoencoder
from sdae.core import in_blocks as module
from sdae.core.in_blocks import decoded, in_blocks, layer_codes, outputs, rebuilt
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import Scaling, fit_scaling
from tests.core.stacks import randomised
from tests.core.values import REPEATABLE

Stack = StackedDenoisingAutoencoder
ANSWERS: dict[str, Callable[[Stack, Tensor], Tensor]] = {
    "outputs": outputs,
    "codes": lambda stack, x: layer_codes(stack, x)[-1],
    "all codes": lambda stack, x: torch.cat(layer_codes(stack, x), dim=1),
    "rebuilt": rebuilt,
    "errors": lambda stack, x: (x - rebuilt(stack, x)).square(),
}
WIDTHS = st.sampled_from([1, 2, 7, 8, 15, 16, 17, 33, 100])


@pytest.fixture(autouse=True)
def _threads_afterwards() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def one_block_at_a_time(name: str, stack: Stack, x: Any, scaling: Scaling | None) -> bytes:
    """Return the answers of the plain loop: each block through the whole network, then the next."""
    parts = []
    with torch.inference_mode():
        for start in range(0, max(x.shape[0], 1), 32):
            rows = x[start : start + 32]
            values = rows.toarray() if sparse.issparse(rows) else rows
            block = np.zeros((32, x.shape[1]), np.float32)
            with np.errstate(over="ignore"):
                block[: len(values)] = values if scaling is None else scaling.apply(values)
            np.clip(block, -1e18, 1e18, out=block)
            out = _plain(name, stack, torch.from_numpy(block))
            parts.append(out[: len(values)].float().numpy())
    return np.concatenate(parts).tobytes()


def _plain(name: str, stack: Stack, x: Tensor) -> Tensor:
    codes, h = [], x
    for layer in range(stack.n_layers):
        one = stack.autoencoder(layer)
        h = one.activation.facts.function(_product(h, one.weight, one.hidden_bias))
        codes.append(h)
    if name == "codes":
        return h
    if name == "all codes":
        return torch.cat(codes, dim=1)
    if name == "outputs":
        return _product(h, stack.head.weight, stack.head.bias)
    for layer in reversed(range(stack.n_layers)):
        one = stack.autoencoder(layer)
        weight = one.weight.t() if one.tied else one.decoder_weight
        h = _product(h, weight, one.visible_bias)
        h = torch.sigmoid(h) if one.decoder is Decoder.SIGMOID else h
    return h if name == "rebuilt" else (x - h).square()


def _product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    x, n_out = x.to(weight.dtype), len(bias)
    if n_out >= 16:
        return F.linear(x, weight, bias)
    surplus = 16 - n_out
    return F.linear(x, F.pad(weight, (0, 0, 0, surplus)), F.pad(bias, (0, surplus)))[:, :n_out]


def data(n_rows: int, n_columns: int, kind: str, far: float = 1e30) -> Any:
    """Return rows of some size and kind, with values far outside among them."""
    rng = np.random.default_rng(n_rows)
    x = rng.normal(scale=3, size=(n_rows, n_columns))
    x[rng.random(x.shape) < 0.01] = far
    if kind == "sparse":
        return sparse.csr_array(np.where(rng.random(x.shape) < 0.8, 0, x))
    return np.asfortranarray(x) if kind == "columns" else x.astype(kind)


def answers(name: str, stack: Stack, x: Any, scaling: Scaling | None) -> NDArray[np.float32]:
    return in_blocks(lambda rows: ANSWERS[name](stack, rows), x, scaling, stack)


@settings(REPEATABLE, max_examples=25)
@given(
    st.sampled_from(sorted(ANSWERS)),
    st.sampled_from([0, 1, 31, 33, 100, 4095, 4097]),
    WIDTHS,
    st.lists(WIDTHS, min_size=1, max_size=3).map(tuple),
    st.sampled_from(list(Activation)),
    st.sampled_from(["sigmoid", "linear"]),
    st.booleans(),
    st.sampled_from([torch.float32, torch.float32, torch.float64, torch.float16]),
    st.sampled_from(["float64", "float32", "columns", "sparse"]),
    st.booleans(),
    st.sampled_from([1, 1, 2]),
)
def test_many_rows_get_the_bytes_of_a_loop_over_blocks(
    name: str,
    n_rows: int,
    n_columns: int,
    sizes: tuple[int, ...],
    activation: Activation,
    decoder: str,
    tied: bool,
    dtype: torch.dtype,
    kind: str,
    scaled: bool,
    n_threads: int,
) -> None:
    torch.set_num_threads(n_threads)
    options: dict[str, Any] = {"activation": activation, "decoder": decoder, "tied": tied}
    stack = randomised(Stack(n_columns, sizes, 3, dtype=dtype, **options))
    far = 9.0 if dtype == torch.float16 else 1e30  # its infinities become NaN of either sign
    x = data(n_rows, n_columns, kind, far)
    sample = np.random.default_rng(1).normal(1, 2, (50, n_columns)).astype(np.float32)
    scaling = fit_scaling(sample, "standard") if scaled else None
    found = answers(name, stack, x, scaling)
    assert found.dtype == np.float32
    assert found.tobytes() == one_block_at_a_time(name, stack, x, scaling)
    some = slice(n_rows // 3, n_rows // 3 + 40)  # other company, other places
    assert answers(name, stack, x[some], scaling).tobytes() == found[some].tobytes()


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("n_columns", "sizes"), [(784, (8,)), (10, (1100,)), (900, (40, 16, 5))])
def test_wide_rows_and_layers_do_too(
    n_columns: int, sizes: tuple[int, ...], n_threads: int
) -> None:
    torch.set_num_threads(n_threads)
    stack = randomised(Stack(n_columns, sizes, 3, activation="sigmoid"))  # minds its place most
    x = data(170, n_columns, "float64")
    for name in ("outputs", "all codes", "errors"):
        assert answers(name, stack, x, None).tobytes() == one_block_at_a_time(name, stack, x, None)


@pytest.mark.parametrize("n_rows", [1, 32, 33, 5000])
def test_products_that_round_otherwise_are_found_out_and_taken_of_32_rows(
    n_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes, linear = [], F.linear

    def otherwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        shapes.append((len(x), len(weight) >= 16))
        out = linear(x, weight, bias)
        if len(x) > 32:
            out[-1, 0] = torch.nextafter(out[-1, 0], out[-1, 1])
        return out

    stack, x = randomised(Stack(9, (20, 6), 3)), data(n_rows, 9, "float64")
    expected = {name: one_block_at_a_time(name, stack, x, None) for name in ANSWERS}
    monkeypatch.setattr(F, "linear", otherwise)
    module._try_product.cache_clear()
    found = {name: answers(name, stack, x, None).tobytes() for name in ANSWERS}  # and tries
    shapes.clear()
    assert found == {name: answers(name, stack, x, None).tobytes() for name in ANSWERS} == expected
    assert set(shapes) == {(32, True)}
    module._try_product.cache_clear()


def test_products_that_round_alike_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    n_rows, linear = [], F.linear

    def watched(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        n_rows.append(len(x))
        return linear(x, weight, bias)

    stack, x = randomised(Stack(9, (20, 6), 3)), data(8192, 9, "float64")
    monkeypatch.setattr(module, "_try_product", lambda *_: True)
    monkeypatch.setattr(F, "linear", watched)
    answers("outputs", stack, x, None)
    assert n_rows == [4096] * 6


def test_codes_are_carried_down_as_block_by_block() -> None:
    stack = randomised(Stack(9, (20, 6), activation="tanh"))
    h = data(4200, 6, "float32")
    found = in_blocks(lambda codes: decoded(stack, codes, 2), h, None, stack)
    each = [
        in_blocks(lambda codes: decoded(stack, codes, 2), row[None], None, stack) for row in h[-70:]
    ]
    assert found[-70:].tobytes() == np.concatenate(each).tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("activation", [a for a in Activation if a is not Activation.IDENTITY])
def test_a_function_that_minds_where_a_number_stands_is_found_out(
    activation: Activation, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that rounds the last numbers of a tensor otherwise, as those a vector leaves over."""
    place_does_not_matter = module._place_does_not_matter.__wrapped__
    assert place_does_not_matter(activation, dtype, torch.device("cpu"))
    calls = []

    def minds(a: Tensor, activation: Activation) -> Tensor:
        calls.append(len(a))
        out: Tensor = activation.facts.function(a).clone()
        if len(a) > 32:
            out[-1, -1] += 0.25
        return out

    monkeypatch.setattr(module, "activate", minds)
    assert not place_does_not_matter(activation, dtype, torch.device("cpu"))
    monkeypatch.setattr(module, "_place_does_not_matter", lambda *_: False)
    stack = randomised(Stack(9, (20, 6), 3, activation=activation, dtype=dtype))
    x = data(500, 9, "float32")
    calls.clear()
    found = answers("outputs", stack, x, None)
    assert set(calls) == {32}
    assert found.tobytes() == one_block_at_a_time("outputs", stack, x, None)
