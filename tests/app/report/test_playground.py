"""The network in the page: bytes with a scale for each row, near enough to the model."""

import base64
import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from sdae.app.report.facts import Facts
from sdae.app.report.packing import Matrix, packed
from sdae.app.report.playground import (
    Playground,
    n_weights,
    page_probabilities,
    playground_of,
)
from sdae.app.report.report_file import page_of
from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.noises import GaussianNoise, MaskingNoise, SaltAndPepperNoise
from sdae.core.preprocessing import Scaling
from sdae.core.stack import StackedDenoisingAutoencoder
from tests.app.report.runs import Page, digit_rows


def matrices(stack: StackedDenoisingAutoencoder) -> tuple[list[Matrix], Matrix]:
    layers = [Matrix.of(stack.autoencoder(layer).weight) for layer in range(stack.n_layers)]
    return layers, Matrix.of(stack.head.weight)


def plain(networks: Networks, examples: Part | None = None, **other: object) -> Playground:
    given = {"noise": MaskingNoise(0.3), "image_shape": None, "centred": False, **other}
    return playground_of(
        networks,
        given["noise"],  # type: ignore[arg-type]
        None,
        None,
        given["image_shape"],  # type: ignore[arg-type]
        examples,
        examples,
        centred=bool(given["centred"]),
    )


def test_a_weight_is_rounded_by_rows() -> None:
    weight = torch.randn(30, 50, generator=torch.Generator().manual_seed(1))
    weight[3] *= 1e-6
    weight[4] *= 1e6
    weight[5] = 0
    matrix = Matrix.of(weight)
    assert matrix.values.dtype == np.int8
    assert (np.abs(matrix.values).max(axis=1) == 127).sum() == 29
    error = np.abs(matrix.restored() - weight.numpy())
    assert (error <= 0.51 * matrix.scales[:, None]).all()
    assert not matrix.restored()[5].any()


def test_arrays_are_deflated_little_endian_base64() -> None:
    for values in (np.arange(5, dtype=np.float32), np.arange(-3, 3, dtype=np.int8)):
        content = zlib.decompress(base64.b64decode(packed(values)))
        little = values.dtype.newbyteorder("<")
        np.testing.assert_array_equal(np.frombuffer(content, little), values)
        assert packed(values.astype(values.dtype.newbyteorder(">"))) == packed(values)


def test_probabilities_agree_within_two_hundredths_on_99_of_100_rows(digit_facts: Facts) -> None:
    stack = digit_facts.networks.final.stack
    x = (digit_rows()[0].reshape(-1, 64)[:1000] / 256).astype(np.float32)
    page = page_probabilities(stack, *matrices(stack), x)
    difference = np.abs(page - stack.predict_proba(x).numpy()).max(axis=1)
    assert (difference <= 0.02).mean() >= 0.99
    assert difference.max() > 0  # it is the rounded network that was asked
    assert digit_facts.playground is not None
    agreement = digit_facts.playground.agreement
    assert agreement is not None
    assert agreement.n_rows == 270
    assert agreement.share >= 0.99


@pytest.mark.parametrize("activation", Activation)
def test_all_activations_and_a_scaling(activation: str, digit_facts: Facts) -> None:
    stack = StackedDenoisingAutoencoder(6, (8, 5), 3, activation=activation, seed=2)
    torch.nn.init.normal_(stack.head.weight, std=0.3, generator=torch.Generator().manual_seed(0))
    scaling = Scaling("standard", np.arange(6.0), np.arange(1.0, 7))
    model = replace(
        digit_facts.networks.final,
        stack=stack,
        scaling=scaling,
        classes=None,
        image_shape=None,
    )
    x = np.random.default_rng(0).normal(3, 4, size=(50, 6)).astype(np.float32)
    numbers = np.arange(50)
    playground = plain(Networks(model, model, finetuned=False), Part("test", x, None, numbers))
    assert playground.agreement is not None
    assert playground.agreement.share == 1
    assert playground.settings["scaling"] == {
        "offset": scaling.offset.tolist(),
        "scale": scaling.scale.tolist(),
    }
    assert playground.settings["low"] == float(x.min())
    page = page_probabilities(stack, *matrices(stack), scaling.apply(x))
    exact = stack.predict_proba(scaling.apply(x)).numpy()
    assert np.abs(page - exact).max() == pytest.approx(playground.agreement.largest, abs=1e-6)


def test_untied_decoders_and_noises_are_described() -> None:
    from sdae.core.model_file import Model

    model = Model(StackedDenoisingAutoencoder(6, (8, 5), tied=False, decoder="linear"))
    networks = Networks(model, model, finetuned=False)
    playground = plain(networks, noise=SaltAndPepperNoise(0.2, -1, 2))
    assert playground.classifier is None
    assert playground.autoencoder is not None
    for layer in playground.autoencoder["layers"]:
        n_hidden, n_visible = layer["weight"]["shape"]
        assert layer["decoder_weight"]["shape"] == [n_visible, n_hidden]
        assert layer["decoder"] == "linear"
    noise = {"kind": "salt_and_pepper", "level": 0.2, "low": -1.0, "high": 2.0}
    assert playground.settings["noise"] == noise
    assert plain(networks, noise=GaussianNoise(1.5)).settings["noise"]["kind"] == "gaussian"
    assert n_weights(networks) == sum(p.numel() for p in model.stack.parameters())


def test_a_page_that_would_be_too_large_leaves_out_what_it_must(
    digit_facts: Facts, digit_page: Page
) -> None:
    whole = digit_page.source
    less = page_of(digit_facts, most_bytes=len(whole.encode()) - 1)
    data = json.loads(Page(less).one("playground-data").text)
    assert data["autoencoder"] is None
    assert data["classifier"] is not None
    assert "Reconstructions are left out of the playground" in Page(less).words
    least = Page(page_of(digit_facts, most_bytes=100_000))
    assert "playground" not in least.sections
    assert "The playground is left out" in least.words


def test_the_rows_to_begin_with_keep_their_numbers(digit_facts: Facts) -> None:
    networks = digit_facts.networks
    x = np.full((1, 64), 1_700_000_001.0)
    (example,) = plain(networks, Part("test", x, None, np.arange(1))).settings["examples"]
    content = zlib.decompress(base64.b64decode(example["values"]))
    assert np.frombuffer(content, "<f8").tolist() == [1_700_000_001.0] * 64
