"""Blocks keep rows and columns of a network's weights: both stay the same to the bit."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train.engines.cuda_device import Argument
from sdae.train.engines.cuda_finetuning import CudaFinetuning
from sdae.train.kernels.cuda.plans import Chip
from sdae.train.kernels.cuda.program import Program
from tests.train.engines.engines import rows
from tests.train.kernels.cuda.emulated import EmulatedDevice, compiled, needs_compiler
from tests.train.kernels.cuda.test_finetuning import EPOCH, SEED, Case

pytestmark = needs_compiler
SHOW = """
template <int L> DEVICE void show(Network& net, float* shown) {
  auto& columns = net.layer<L>().columns;
  constexpr int WIDTH = padded(size(L));
  for (int r = 0; r < own_units(L - 1); r++) for (int k = 0; k < columns.OWN; k++) {
    const int unit = net.first_unit<L - 1>() + r, quad = net.me.thread + k * THREADS;
    const float4 v = columns.at(r, k);
    if (columns.has(k) && unit < size(L - 1)) memcpy(shown + unit * WIDTH + 4 * quad, &v, 16);
  }
  if constexpr (L < DEPTH) show<L + 1>(net, shown + size(L - 1) * WIDTH);
}
void train_and_show(Word* exchange, Word* status, long long patience, float* parameters,
                    const float* x, const long long* samples, const long long* classes,
                    float* costs, int n_steps, float rate, const Bits* keys, Bits input_limit,
                    float input_scale, Bits limit, float scale, float* shown) {
  Network net;
  net.prepare({parameters, x, samples, classes, costs, exchange, n_steps, rate, keys,
               {input_limit, input_scale}, {limit, scale}},
              {status, patience, false}, emulation::shared_memory());
  net.train();
  net.give_back();
  show<2>(net, shown);
}
EMULATED(train_and_show)
"""


class ShowingDevice(EmulatedDevice):
    """Also keeps the columns that blocks have at the end, as matrices of transposed weights."""

    shown = torch.zeros(0)

    def launch(
        self, program: Program, exchange: Tensor, status: Tensor, arguments: Sequence[Argument]
    ) -> None:
        """Run the kernel until it ends."""
        library = compiled(program.source + SHOW, program.macros)
        self.shown = torch.full((1 << 16,), torch.nan)
        self.run(library, program, exchange, status, [*arguments, self.shown])


@pytest.mark.parametrize(
    "case",
    [
        Case((19, 7, 6, 9), dropout=0.3),
        Case((5, 34, 9, 13), 6, 2, activation="tanh"),
        Case((8, 6, 35), 3, 4, activation="relu"),
    ],
    ids=str,
)
def test_rows_and_columns_are_the_same_to_the_bit(case: Case) -> None:
    stack = case.stack()
    x = torch.from_numpy(rows(50, case.sizes[0], torch.float32))
    device = ShowingDevice(Chip((9, 0), case.n_multiprocessors, 200_000))
    engine = CudaFinetuning(
        stack, TensorRows(x), torch.from_numpy(case.y), case.config, SEED, device
    )
    engine.train(minibatches(50, 1), EPOCH, case.rate)
    start = 0
    for layer in range(1, stack.n_layers):
        weight = stack.autoencoder(layer).weight.detach().numpy()  # (H, H below)
        n, m = weight.shape
        width = -(-n // 4) * 4
        columns = device.shown[start : start + m * width].view(m, width)[:, :n].numpy()
        assert np.ascontiguousarray(columns.T).tobytes() == weight.tobytes()
        start += m * width
