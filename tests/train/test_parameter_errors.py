"""Bad parameters: all of a call's problems in one error, before anything is trained."""

import re

import pytest

from sdae import finetune, pretrain
from sdae.core.errors import InvalidParameterError, SdaeError, TrainingDivergedError
from sdae.core.kinds.decoders import Emphasis
from sdae.train.history import History
from tests.train.helpers import labelled, small_stack, state_bytes, unit_rows

NAN, INF = float("nan"), float("inf")
_NO_BATCH_SIZES: tuple[object, ...] = (0, -3, 1.5, True, "8", None)
BOTH: list[tuple[str, object, str]] = [
    *[("batch_size", v, "an integer ≥ 1") for v in _NO_BATCH_SIZES],
    ("shuffle", 1, "true or false"),
    ("shuffle", "yes", "true or false"),
    ("drop_last", 0, "true or false"),
    ("optimizer", "sdg", "one of 'sgd', 'adam', 'adamw', 'nadam', 'rmsprop'"),
    *[("momentum", v, "a number in [0, 1]") for v in (-0.1, 1.1, NAN, "0.9")],
    ("nesterov", "no", "true or false"),
    *[("weight_decay", v, "a finite number ≥ 0") for v in (-1, INF)],
    ("engine", "fast", "one of 'auto', 'fused', 'compiled', 'graph', 'closed_form', 'autograd'"),
]
PRETRAINING: list[tuple[str, object, str]] = [
    *BOTH,
    *[
        ("epochs", v, "an integer ≥ 0; one value, or a list with one per layer")
        for v in (-1, 1.5, (1, -1), (), "3")
    ],
    *[
        ("learning_rate", v, "a finite number ≥ 0; one value, or a list with one per layer")
        for v in (-0.1, NAN, INF, (0.1, None))
    ],
    ("codes", "disk", "one of 'auto', 'memory', 'memmap', 'recompute'"),
]
FINETUNING: list[tuple[str, object, str]] = [
    *BOTH,
    *[("epochs", v, "an integer ≥ 0") for v in (-1, (3, 4), None)],
    *[("learning_rate", v, "a finite number ≥ 0") for v in (-0.1, NAN, True)],
    *[("max_norm", v, "a finite number > 0, or none") for v in (0, -1, INF)],
    *[("dropout", v, "a number in [0, 0.99]") for v in (-0.1, 1.0)],
    *[("input_dropout", v, "a number in [0, 0.99]") for v in (-0.1, 1.0)],
    ("early_stopping", "on", "true or false"),
    *[("patience_epochs", v, "an integer ≥ 1") for v in (0, 2.5)],
    *[("patience_increase", v, "a finite number ≥ 1") for v in (0.5, INF)],
    *[("improvement_threshold", v, "a number in (0, 1]") for v in (0, 1.1)],
    ("restore_best", None, "true or false"),
]


ENGINES = pytest.mark.parametrize("engine", ["autograd", "closed_form", "fused"])
MINIBATCH_ENGINES = pytest.mark.parametrize("engine", ["autograd", "closed_form"])


def _pretrain(**arguments: object) -> History:
    return pretrain(small_stack(), unit_rows(6), **arguments)  # type: ignore[arg-type]


def _finetune(**arguments: object) -> History:
    return finetune(small_stack(), labelled(6), None, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value", "constraint"), PRETRAINING)
def test_pretrain_names_what_is_wrong(name: str, value: object, constraint: str) -> None:
    message = f"The {name} parameter of pretrain must be {constraint}. Got {value!r} instead."
    with pytest.raises(InvalidParameterError, match=f"^{re.escape(message)}$"):
        _pretrain(**{name: value})


@pytest.mark.parametrize(("name", "value", "constraint"), FINETUNING)
def test_finetune_names_what_is_wrong(name: str, value: object, constraint: str) -> None:
    message = f"The {name} parameter of finetune must be {constraint}. Got {value!r} instead."
    with pytest.raises(InvalidParameterError, match=f"^{re.escape(message)}$"):
        _finetune(**{name: value})


def test_all_problems_come_in_one_error_and_nothing_is_trained() -> None:
    stack = small_stack()
    with pytest.raises(InvalidParameterError) as caught:
        pretrain(stack, unit_rows(6), epochs=-1, batch_size=0, codes="x", schedule="slow")
    lines = str(caught.value).splitlines()
    assert [line.split(" parameter")[0] for line in lines] == [
        "The epochs",
        "The batch_size",
        "The schedule",
        "The codes",
    ]
    with pytest.raises(InvalidParameterError) as caught:
        finetune(stack, labelled(6), None, epochs=-1, dropout=1.0, max_norm=0)
    assert len(str(caught.value).splitlines()) == 3
    assert state_bytes(stack) == state_bytes(small_stack())


@pytest.mark.parametrize("schedule", ["linaer", "step:10", "step:0:0.5", "linear:1", 3])
def test_a_schedule_that_is_none_is_refused(schedule: str) -> None:
    for name, call in (("pretrain", _pretrain), ("finetune", _finetune)):
        with pytest.raises(
            InvalidParameterError, match=f"^The schedule parameter of {name} .*must be "
        ):
            call(schedule=schedule)
    with pytest.raises(InvalidParameterError, match="Did you mean 'linear'"):
        _pretrain(schedule="linaer")


@pytest.mark.parametrize(
    ("corruption", "message"),
    [
        ("maskin:0.3", "Did you mean 'masking'"),
        (1.5, r"must be a number in \[0, 1\]\. Got 1\.5"),
        ([0.1, "gaussian:-1"], "the std of GaussianNoise must be a finite number ≥ 0"),
    ],
)
def test_a_corruption_that_is_none_is_refused(corruption: object, message: str) -> None:
    with pytest.raises(
        InvalidParameterError, match=f"The corruption parameter of pretrain .*{message}"
    ):
        _pretrain(corruption=corruption)


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", (1, 2, 3)), ("learning_rate", (0.1, 0.1, 0.1)), ("corruption", [0.1, 0.2, 0.3])],
)
def test_values_for_more_layers_than_there_are_are_refused(name: str, value: object) -> None:
    with pytest.raises(
        InvalidParameterError,
        match=f"The {name} parameter of pretrain must be one value or one for each of the 2 "
        "layers. Got 3 values instead",
    ):
        _pretrain(**{name: value})


def test_an_emphasised_loss_refuses_gaussian_noise_of_the_call() -> None:
    stack = small_stack()
    stack.autoencoder(1).emphasis = Emphasis(1, 0.5)
    with pytest.raises(
        InvalidParameterError, match="None with Gaussian noise, which touches every"
    ):
        pretrain(stack, unit_rows(6), corruption=[0.1, "gaussian:0.1"])
    pretrain(stack, unit_rows(6), corruption=["gaussian:0.1", 0.1], epochs=1)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_nesterov_without_momentum_is_refused_in_our_words(stage: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"nesterov parameter of {stage} .*momentum"):
        _pretrain(nesterov=True) if stage == "pretrain" else _finetune(nesterov=True)


def test_a_device_that_does_not_exist_is_refused() -> None:
    for call in (_pretrain, _finetune):
        with pytest.raises(
            InvalidParameterError, match=r"must be one of 'auto', 'cpu', 'cuda', 'mps'\. Got 'tpu'"
        ):
            call(device="tpu")


def test_the_cpu_by_name_changes_nothing() -> None:
    stack, named = small_stack(), small_stack()
    pretrain(stack, unit_rows(6), epochs=1)
    pretrain(named, unit_rows(6), epochs=1, device="cpu")
    assert state_bytes(stack) == state_bytes(named)
    assert named.autoencoder(0).weight is named.mlp[0].weight


@pytest.mark.parametrize(("layer", "rates"), [(0, (1e30, 0.1)), (1, (0.001, 1e30))])
@ENGINES
def test_divergence_names_the_layer_the_epoch_and_the_rate(
    layer: int, rates: tuple[float, float], engine: str
) -> None:
    stack = small_stack(activation="relu", decoder="linear")
    with pytest.raises(
        TrainingDivergedError,
        match=rf"not finite \(pretraining, layer {layer}, epoch 1, at sample 1, "
        r"learning rate 1e\+30\)\. .*Lower the learning rate, or scale the data",
    ) as caught:
        pretrain(stack, unit_rows(10), epochs=2, learning_rate=rates, engine=engine)
    assert isinstance(caught.value, ArithmeticError)
    assert isinstance(caught.value, SdaeError)


@MINIBATCH_ENGINES
def test_divergence_in_a_later_epoch_names_that_one_and_its_rate(engine: str) -> None:
    stack = small_stack(activation="relu", decoder="linear")
    with pytest.raises(TrainingDivergedError, match=r"layer 0, epoch 3, .* learning rate 1e\+30"):
        pretrain(
            stack,
            unit_rows(10),
            epochs=3,
            learning_rate=1e-6,
            schedule="step:2:1e36",
            batch_size=5,
            engine=engine,
        )


@ENGINES
def test_divergence_of_fine_tuning_names_the_stage(engine: str) -> None:
    stack = small_stack(activation="relu")
    with pytest.raises(
        TrainingDivergedError,
        match=r"\(finetuning, epoch 1, at sample \d, learning rate 1e\+30\)",
    ):
        finetune(stack, labelled(10), labelled(5), epochs=2, learning_rate=1e30, engine=engine)


@ENGINES
def test_divergence_keeps_the_parameters_as_before_the_slice(engine: str) -> None:
    stack = small_stack(activation="relu", decoder="linear")
    before = state_bytes(stack)
    with pytest.raises(TrainingDivergedError, match="parameters are those from before"):
        pretrain(stack, unit_rows(10), epochs=2, learning_rate=1e30, engine=engine)
    assert state_bytes(stack) == before
    with pytest.raises(TrainingDivergedError, match="parameters are those from before"):
        finetune(stack, labelled(10), labelled(5), epochs=2, learning_rate=1e30, engine=engine)
    assert state_bytes(stack) == before


@MINIBATCH_ENGINES
def test_divergence_stops_within_a_step(engine: str) -> None:
    x = unit_rows(10)
    x[3] = 3e38  # finite, but its squares are not
    stack = small_stack(activation="relu", decoder="linear")
    with pytest.raises(TrainingDivergedError, match="at sample 3, "):
        pretrain(stack, x, epochs=1, learning_rate=1e-9, batch_size=2, engine=engine)


@MINIBATCH_ENGINES
def test_a_parameter_that_is_not_finite_is_told_even_if_the_cost_is(engine: str) -> None:
    stack = small_stack()
    with pytest.raises(TrainingDivergedError, match="A parameter is not finite"):
        pretrain(stack, unit_rows(4), epochs=1, learning_rate=1e39, batch_size=4, engine=engine)
    assert all(bool(p.isfinite().all()) for p in stack.parameters())
