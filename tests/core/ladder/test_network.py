"""The ladder network, what it measures after training, and the stack that predicts as it does."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from sdae.core.errors import InvalidParameterError
from sdae.core.ladder import statistics
from sdae.core.ladder.folded import FoldedLadder, plain_stack
from sdae.core.ladder.network import LadderNetwork
from sdae.core.ladder.passes import way_up
from sdae.core.rows import TensorRows
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.finetuning import finetune
from sdae.train.pretraining import pretrain


def rows(n: int = 60, width: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, width))).float()


def a_ladder(**changed: object) -> LadderNetwork:
    network = LadderNetwork(5, (8, 4), n_classes=3, **changed)  # type: ignore[arg-type]  # in tests
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network


def test_initial_weights_have_the_variance_of_the_paper() -> None:
    network = LadderNetwork(400, (300,), n_classes=10)

    layer = network.layer(0)
    assert float(layer.weight.detach().std()) == pytest.approx(400**-0.5, rel=0.02)
    assert float(layer.decoder_weight.detach().std()) == pytest.approx(300**-0.5, rel=0.02)
    coefficients = network.lateral(0).coefficients
    assert coefficients.shape == (10, 400)
    assert coefficients[1].eq(1).all()
    assert coefficients[6].eq(1).all()
    assert float(coefficients.detach().abs().sum()) == 800


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_visible": 0}, "n_visible"),
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes"),
        ({"n_classes": None}, "n_classes"),
        ({"n_classes": 1}, "n_classes"),
        ({"n_targets": 2}, "n_targets parameter of LadderNetwork .* a network has one head"),
        ({"head": "class"}, "head parameter of LadderNetwork"),
        ({"head": "multilabel"}, "head parameter of LadderNetwork"),
        ({"input_noise": -1}, "input_noise"),
        ({"hidden_noise": float("nan")}, "hidden_noise"),
        ({"combinator": "gauss"}, "combinator"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_parameters_are_named(changed: dict[str, object], words: str) -> None:
    given: dict[str, object] = {"n_visible": 5, "hidden_layer_sizes": (4,), "n_classes": 3}
    with pytest.raises(InvalidParameterError, match=words):
        LadderNetwork(**{**given, **changed})  # type: ignore[arg-type]  # wrong on purpose


def test_statistics_are_those_of_all_clean_rows() -> None:
    network, x = a_ladder(), rows()
    statistics.settle(network, TensorRows(x))

    way = way_up(network, x)  # one batch of all rows
    for layer in range(network.n_layers):
        a = way.a[layer + 1]
        part = network.layer(layer)
        torch.testing.assert_close(part.mean, a.mean(dim=0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(part.variance, a.var(dim=0, correction=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_many_rows_are_measured_in_parts(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    x = rows(90).to(dtype)
    whole, parts = a_ladder(dtype=dtype), a_ladder(dtype=dtype)
    statistics.settle(whole, TensorRows(x))
    monkeypatch.setattr(statistics, "_AT_A_TIME", 7)
    monkeypatch.setattr(statistics, "_MOST_NUMBERS", 600)  # codes are not kept
    statistics.settle(parts, TensorRows(x))

    for (name, one), (_, other) in zip(whole.named_state(), parts.named_state(), strict=True):
        if "lateral" not in name:  # those are measured on fewer rows then
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5, msg=name)


def test_the_folded_stack_predicts_as_the_ladder_does() -> None:
    network, x = a_ladder(), rows()
    statistics.settle(network, TensorRows(x))
    expected = way_up(network, x).output

    folded = FoldedLadder(network)
    torch.testing.assert_close(folded.logits(x), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(plain_stack(network).logits(x), folded.logits(x), rtol=0, atol=0)


def test_a_folded_stack_follows_its_ladder() -> None:
    network, x = a_ladder(), rows()
    folded = FoldedLadder(network)
    with torch.no_grad():
        network.gain.mul_(2)
    before = folded.logits(x)
    folded.refold()

    torch.testing.assert_close(folded.logits(x), 2 * before)


def test_copies_and_pickles_have_a_ladder_of_their_own() -> None:
    folded, x = FoldedLadder(a_ladder()), rows()
    for other in (copy.deepcopy(folded), pickle.loads(pickle.dumps(folded))):
        assert other.ladder is not folded.ladder
        assert torch.equal(other.logits(x), folded.logits(x))
        assert torch.equal(other.reconstruct(x), folded.reconstruct(x))


def test_conversions_take_the_ladder_along() -> None:
    folded = FoldedLadder(a_ladder()).double()

    assert folded.ladder.gain.dtype == torch.float64
    assert folded.reconstruct(rows().double()).dtype == torch.float64


def test_rows_are_reconstructed_from_all_depths_and_codes_not_at_all() -> None:
    folded, x = FoldedLadder(a_ladder()), rows()

    assert folded.reconstruct(x).shape == x.shape
    with pytest.raises(InvalidParameterError, match="reconstruct"):
        folded.decode(folded.encode(x))
    with pytest.raises(InvalidParameterError, match="depth"):
        folded.reconstruct(x, depth=1)


def test_a_plain_stack_can_be_fine_tuned() -> None:
    network, x = a_ladder(), rows()
    y = (x[:, 0] > 0).long()
    stack = plain_stack(network)
    history = finetune(stack, (x, y), None, epochs=30, batch_size=20, learning_rate=0.1)

    assert history.costs()[-1] < history.costs()[0]
    with pytest.raises(InvalidParameterError, match="train_ladder"):
        finetune(FoldedLadder(network), (x, y), None, epochs=1)
    with pytest.raises(InvalidParameterError, match="train_ladder"):
        pretrain(FoldedLadder(network), x, epochs=1)
    assert not torch.equal(stack.logits(x), FoldedLadder(network).logits(x))


@pytest.mark.parametrize("combinator", ["gaussian", "augmented_mlp"])
def test_combinators_estimate_each_unit_by_itself(combinator: str) -> None:
    network = a_ladder(combinator=combinator)
    facts, a = network.combinator.facts, network.lateral(1).coefficients
    u, z = rows(6, 8, seed=1), rows(6, 8, seed=2)
    before = facts.estimate(u, z, a)
    z[2, 3] += 1
    changed = facts.estimate(u, z, a) != before

    assert tuple(a.shape) == facts.shape(8)
    assert changed.nonzero().tolist() == [[2, 3]]


def test_a_ladder_predicts_saves_and_becomes_a_stack(tmp_path: Path) -> None:
    network, x = a_ladder(), rows()
    statistics.settle(network, TensorRows(x))
    folded = FoldedLadder(network)
    torch.testing.assert_close(network(x.numpy()), folded.logits(x), rtol=1e-4, atol=1e-4)
    assert torch.equal(network.predict(x), folded.predict(x))
    torch.testing.assert_close(
        network.predict_proba(x), folded.predict_proba(x), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(network.reconstruct(x), folded.reconstruct(x))
    assert torch.equal(network.to_stack().logits(x), folded.logits(x))
    network.save(tmp_path / "ladder.safetensors")
    loaded = StackedDenoisingAutoencoder.load(tmp_path / "ladder.safetensors")
    assert torch.equal(loaded.logits(x), folded.logits(x))


@pytest.mark.parametrize("shape", [(3, 4), (5,), (2, 3, 5)])
def test_rows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network, x = LadderNetwork(5, (4,), n_classes=2), torch.zeros(shape)
    for method in (network, network.predict, network.predict_proba, network.reconstruct):
        with pytest.raises(InvalidParameterError) as caught:
            method(x)
        assert str(caught.value) == (
            "The x parameter of LadderNetwork must be a 2-D array with 5 columns. "
            f"Got {shape!r} instead. Reshape a single row with x.reshape(1, -1)."
        )


def test_what_a_ladder_does_not_have_is_refused() -> None:
    values = LadderNetwork(5, (4,), n_targets=2)
    with pytest.raises(InvalidParameterError, match="do not have probabilities"):
        values.predict_proba(rows())
    assert values.predict(rows()).shape == (60, 2)
    folded = FoldedLadder(a_ladder())
    with pytest.raises(InvalidParameterError, match="to_stack"):
        folded.load_state_dict(folded.state_dict())
