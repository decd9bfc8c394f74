"""The same training as one writes it with PyTorch, PyTensor and scikit-learn; nothing of sdae.

Each function returns a callable that does one epoch over rows that are in memory already, and the
number of its steps' samples is that of the rows. Written idiomatically, with the care one gives to
a fast loop: no DataLoader, no ``.item()``.
"""

import itertools
import os
from collections.abc import Callable
from ctypes.util import find_library
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Epoch = Callable[[], object]


class TiedAutoencoder(nn.Module):
    """A denoising autoencoder with tied weights, in a few lines of PyTorch."""

    def __init__(self, n_visible: int, n_hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(n_visible, n_hidden)
        self.visible_bias = nn.Parameter(torch.zeros(n_visible))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits, (B, V) -> (B, V)."""
        h = torch.sigmoid(self.encoder(x))
        return F.linear(h, self.encoder.weight.t(), self.visible_bias)


def autograd_pretraining(x: Rows, n_hidden: int, batch_size: int, device: str = "cpu") -> Epoch:
    """Masking noise of 0.1, cross-entropy, SGD."""
    rows = torch.from_numpy(x).to(device)
    model = TiedAutoencoder(x.shape[1], n_hidden).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)

    def epoch() -> None:
        for batch in rows.split(batch_size):
            logits = model(batch * (torch.rand_like(batch) > 0.1))
            cost = F.binary_cross_entropy_with_logits(logits, batch, reduction="sum") / len(batch)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

    return epoch


def untied_relu_pretraining(x: Rows, n_hidden: int) -> Epoch:
    """The design of pt-sdae: untied, ReLU, squared error, a DataLoader, batch size 1."""
    model = nn.Sequential(
        nn.Dropout(0.1), nn.Linear(x.shape[1], n_hidden), nn.ReLU(), nn.Linear(n_hidden, x.shape[1])
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    rows: Any = list(torch.from_numpy(x))
    loader = torch.utils.data.DataLoader(rows, batch_size=1)

    def epoch() -> None:
        for batch in loader:
            cost = F.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

    return epoch


def autograd_finetuning(
    x: Rows,
    y: Labels,
    sizes: tuple[int, ...],
    batch_size: int,
    *,
    adam: bool = False,
    device: str = "cpu",
) -> Epoch:
    """Sigmoid layers and a softmax, SGD or Adam."""
    rows, labels = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    widths = (x.shape[1], *sizes)
    hidden = [m for i in range(len(sizes)) for m in (nn.Linear(*widths[i : i + 2]), nn.Sigmoid())]
    network = nn.Sequential(*hidden, nn.Linear(widths[-1], 10)).to(device)
    optimizer: torch.optim.Optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    if adam:
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def epoch() -> None:
        for batch, wanted in zip(rows.split(batch_size), labels.split(batch_size), strict=True):
            cost = F.cross_entropy(network(batch), wanted)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

    return epoch


def pytensor_pretraining(x: Rows, n_hidden: int) -> Epoch:
    """The tutorial's graph of one autoencoder, batch size 1, PyTensor's default mode, OpenBLAS."""
    pytensor, pt, random = _pytensor()
    rows = pytensor.shared(x)
    w = pytensor.shared(_weight(x.shape[1], n_hidden))
    b, c = (pytensor.shared(np.zeros(n, np.float32)) for n in (n_hidden, x.shape[1]))
    index = pt.lscalar("index")
    stream = random.RandomStream(1)
    clean = rows[index : index + 1]
    mask = stream.binomial(1, 0.9, size=clean.shape).astype("float32")
    h = pt.sigmoid(pt.dot(clean * mask, w) + b)
    z = pt.sigmoid(pt.dot(h, w.T) + c)
    cost = pt.mean(-pt.sum(clean * pt.log(z) + (1 - clean) * pt.log(1 - z), axis=1))
    step = _compiled(pytensor, pt, index, cost, [w, b, c], 0.001)
    return lambda: [step(i) for i in range(len(x))]


def pytensor_finetuning(x: Rows, y: Labels, sizes: tuple[int, ...]) -> Epoch:
    """The tutorial's graph of the whole network, batch size 1, likewise."""
    pytensor, pt, _ = _pytensor()
    rows, labels = pytensor.shared(x), pytensor.shared(y)
    index = pt.lscalar("index")
    h, parameters = rows[index : index + 1], []
    widths = (x.shape[1], *sizes, 10)
    for n_in, n_out in itertools.pairwise(widths):
        w = pytensor.shared(_weight(n_in, n_out))
        b = pytensor.shared(np.zeros(n_out, np.float32))
        parameters += [w, b]
        a = pt.dot(h, w) + b
        h = pt.sigmoid(a)
    wanted = labels[index : index + 1]
    cost = -pt.mean(pt.log(pt.special.softmax(a, axis=1))[pt.arange(wanted.shape[0]), wanted])
    step = _compiled(pytensor, pt, index, cost, parameters, 0.01)
    return lambda: [step(i) for i in range(len(x))]


def sklearn_pretraining(x: Rows, n_hidden: int, batch_size: int) -> Epoch:
    """A restricted Boltzmann machine, scikit-learn's nearest relative: one epoch.

    Its ``fit`` draws new weights each time, some 2 % of the time of 200 samples.
    """
    from sklearn.neural_network import BernoulliRBM

    machine = BernoulliRBM(n_hidden, learning_rate=0.001, batch_size=batch_size, n_iter=1)
    return lambda: machine.fit(x)


def sklearn_finetuning(x: Rows, y: Labels, sizes: tuple[int, ...], batch_size: int) -> Epoch:
    """scikit-learn's network, one epoch."""
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(
        sizes, activation="logistic", solver="sgd", batch_size=batch_size, momentum=0
    )
    return lambda: network.partial_fit(x, y, classes=np.arange(10))


def has_pytensor() -> bool:
    """Tell whether PyTensor is there, with a BLAS to link.

    Without one, which is how pip installs it, it falls back to code many times slower: no fair
    comparison.
    """
    return find_spec("pytensor") is not None and find_library("openblas") is not None


def _pytensor() -> tuple[Any, Any, Any]:
    os.environ["PYTENSOR_FLAGS"] = "floatX=float32,blas__ldflags=-lopenblas"  # read at import
    import pytensor
    import pytensor.tensor as pt
    from pytensor.tensor import random

    return pytensor, pt, random.utils


def _compiled(
    pytensor: Any, pt: Any, index: Any, cost: Any, parameters: list[Any], rate: float
) -> Callable[[int], object]:
    gradients = pt.grad(cost, parameters)
    small = np.float32(rate)
    updates = [(p, p - small * g) for p, g in zip(parameters, gradients, strict=True)]
    step: Callable[[int], object] = pytensor.function([index], cost, updates=updates)
    return step


def _weight(n_in: int, n_out: int) -> Rows:
    bound = 4 * np.sqrt(6 / (n_in + n_out))
    return np.random.default_rng(0).uniform(-bound, bound, (n_in, n_out)).astype(np.float32)
