"""Hypothesis strategies for the values of the kinds, and settings that repeat exactly."""

from hypothesis import settings
from hypothesis import strategies as st

from sdae.core.kinds.decoders import Emphasis
from sdae.core.kinds.noises import GaussianNoise, MaskingNoise, Noise, SaltAndPepperNoise, SwapNoise
from sdae.core.kinds.schedules import Schedule

REPEATABLE = settings(max_examples=60, derandomize=True, deadline=None, database=None)

levels = st.floats(0, 1)
numbers = st.floats(0, 1e6)


@st.composite
def _salt_and_pepper(draw: st.DrawFn) -> SaltAndPepperNoise:
    low, high = sorted(draw(st.lists(st.floats(-9, 9), min_size=2, max_size=2, unique=True)))
    if not low < high:  # 0.0 and −0.0
        low, high = 0.0, 1.0
    return SaltAndPepperNoise(draw(levels), low, high)


noises: st.SearchStrategy[Noise] = st.one_of(
    st.builds(MaskingNoise, levels, st.booleans()),
    _salt_and_pepper(),
    st.builds(GaussianNoise, numbers),
    st.builds(SwapNoise, levels),
)
emphases = st.builds(Emphasis, numbers, numbers)
schedules = st.one_of(
    st.sampled_from(("constant", "linear", "cosine")).map(Schedule),
    numbers.map(lambda decay: Schedule("inverse_time", (decay,))),
    st.builds(
        lambda every, factor: Schedule("step", (float(every), factor)),
        st.integers(1, 10**9),
        numbers,
    ),
)
