"""The facades share their parameters whatever is done to a stack, or the stack is refused."""

import copy
import io
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

from sdae import SDAEClassifier, SDAETransformer, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import InvalidParameterError
from sdae.core.model_file import load_model
from tests.core.stacks import SIZES, linear_layers, make, randomised, rows
from tests.estimators.helpers import fitted
from tests.train.helpers import labelled, moved, parameters, small_stack, state_bytes

X, Y = labelled(40)
Stack = StackedDenoisingAutoencoder
State = dict[str, Tensor]


def are_one(stack: Stack) -> bool:
    pairs = zip(stack.autoencoders, linear_layers(stack), strict=False)
    return all(one.weight is two.weight and one.hidden_bias is two.bias for one, two in pairs)


def taught() -> Stack:
    """Return a stack that is not what a new one is."""
    return randomised(small_stack(seed=8))


def copied(state: State) -> State:
    return {name: value.clone() for name, value in state.items()}


def through_a_file(state: State) -> State:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: State = torch.load(file, weights_only=True)
    return loaded


def of_meta(stack: Stack) -> Stack:
    return stack.to("meta")


class Outer(nn.Module):
    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.inner = nn.ModuleDict({"stack": stack})


def loaded_nested(stack: Stack, state: State) -> None:
    names = {f"inner.stack.{name}": value for name, value in state.items()}
    Outer(stack).load_state_dict(names, assign=True)


LOADS: dict[str, Callable[[Stack, State], Any]] = {
    "copied": lambda stack, state: stack.load_state_dict(state),
    "assigned": lambda stack, state: stack.load_state_dict(state, assign=True),
    "assigned clones": lambda stack, state: stack.load_state_dict(copied(state), assign=True),
    "assigned from a file": lambda s, state: s.load_state_dict(through_a_file(state), assign=True),
    "assigned to meta": lambda s, state: of_meta(s).load_state_dict(copied(state), assign=True),
    "to_empty": lambda s, state: of_meta(s).to_empty(device="cpu").load_state_dict(copied(state)),
    "nested": loaded_nested,
    "nested, from meta": lambda stack, state: loaded_nested(of_meta(stack), copied(state)),
    "names of the autoencoders": lambda stack, state: stack.load_state_dict(
        {n: v.clone() for n, v in state.items() if n[:4] != "mlp." or n[4] == "4"}, assign=True
    ),
    "names of the network": lambda stack, state: stack.load_state_dict(
        {n: v.clone() for n, v in state.items() if n[:4] == "mlp." or "visible" in n}, assign=True
    ),
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_load_leaves_the_facades_together(load: Callable[[Stack, State], Any]) -> None:
    model, stack, never_parted = taught(), small_stack(), taught()
    load(stack, copied(model.state_dict()))
    assert are_one(stack)
    assert state_bytes(stack) == state_bytes(never_parted)
    before = parameters(stack)
    for each in (stack, never_parted):
        pretrain(each, X, epochs=1, batch_size=10)
        finetune(each, (X, Y), None, epochs=2, batch_size=10, optimizer="adam")
    assert moved(before, stack) == set(before)
    assert state_bytes(stack) == state_bytes(never_parted)


CONVERSIONS: dict[str, Callable[[Stack], Any]] = {
    "double": lambda stack: stack.double(),
    "half and back": lambda stack: stack.half().float(),
    "meta and back": lambda stack: stack.to("meta").to_empty(device="cpu"),
    "shared memory": lambda stack: stack.share_memory(),
    "frozen and not": lambda stack: stack.requires_grad_(False).requires_grad_(True),
    "nested": lambda stack: Outer(stack).to("meta").to_empty(device="cpu").double(),
}


@pytest.fixture(params=["as usual", "overwrite", "swap"])
def conversion(request: pytest.FixtureRequest) -> Iterator[str]:
    """What PyTorch does with a parameter that is converted."""
    torch.__future__.set_overwrite_module_params_on_conversion(request.param == "overwrite")
    torch.__future__.set_swap_module_params_on_conversion(request.param == "swap")
    yield request.param
    torch.__future__.set_overwrite_module_params_on_conversion(False)
    torch.__future__.set_swap_module_params_on_conversion(False)


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
@pytest.mark.usefixtures("conversion")
def test_a_conversion_leaves_the_facades_together(convert: Callable[[Stack], Any]) -> None:
    stack = small_stack(tied=False)
    convert(stack)
    assert are_one(stack)


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.usefixtures("conversion")
def test_a_load_gives_its_values_however_parameters_are_converted(assign: bool) -> None:
    model, stack = taught(), small_stack()
    stack.load_state_dict(copied(model.state_dict()), assign=assign)
    assert are_one(stack)
    assert state_bytes(stack) == state_bytes(model)


COPIES: dict[str, Callable[[Stack], Stack]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda stack: pickle.loads(pickle.dumps(stack)),
    "torch": lambda stack: through_torch(stack),
}


def through_torch(stack: Stack) -> Stack:
    file = io.BytesIO()
    torch.save(stack, file)
    file.seek(0)
    loaded: Stack = torch.load(file, weights_only=False)
    return loaded


@pytest.mark.parametrize("copy_of", COPIES.values(), ids=COPIES)
def test_a_copy_is_whole_and_loads_as_the_original_does(copy_of: Callable[[Stack], Stack]) -> None:
    stack, model = copy_of(small_stack()), taught()
    assert are_one(stack)
    stack.to("meta").to_empty(device="cpu").load_state_dict(model.state_dict(), assign=True)
    assert are_one(stack)
    assert state_bytes(stack) == state_bytes(model)


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("name", ["mlp.2.weight", "autoencoders.1.hidden_bias"])
@pytest.mark.parametrize("nested", [False, True])
def test_two_values_for_one_parameter_are_refused(name: str, assign: bool, nested: bool) -> None:
    stack, state = small_stack(), copied(taught().state_dict())
    before = state_bytes(stack)
    state[name] = state[name] + 1
    prefix = "inner.stack." if nested else ""
    module = Outer(stack) if nested else stack
    with pytest.raises(InvalidParameterError) as caught:
        module.load_state_dict({prefix + key: v for key, v in state.items()}, assign=assign)
    for word in (prefix + name, f"{prefix}autoencoders.1", f"{prefix}mlp.2", "Leave one"):
        assert word in str(caught.value)
    assert state_bytes(stack) == before
    assert are_one(stack)


def test_equal_values_that_are_not_numbers_are_one_value() -> None:
    state = copied(taught().state_dict())
    for name in ("autoencoders.0.weight", "mlp.0.weight"):
        state[name][0, 0] = torch.nan
    stack = small_stack()
    stack.load_state_dict(state)
    assert stack.autoencoder(0).weight.isnan().sum() == 1


def test_torch_says_what_else_is_wrong_with_a_state() -> None:
    state = copied(taught().state_dict())
    del state["mlp.4.weight"], state["autoencoders.0.visible_bias"]
    state["mlp.0.weight"] = state["autoencoders.0.weight"] = torch.zeros(2, 3)
    with pytest.raises(RuntimeError) as caught:
        small_stack().load_state_dict(state)
    for word in ("mlp.4.weight", "visible_bias", "size mismatch for autoencoders.0.weight"):
        assert word in str(caught.value)


def _new_weight(stack: Stack) -> None:
    stack.mlp[0].weight = nn.Parameter(torch.ones_like(stack.autoencoder(0).weight))


def _new_bias(stack: Stack) -> None:
    stack.autoencoder(0).hidden_bias = nn.Parameter(torch.ones(SIZES_OF_SMALL[0]))


def _loaded_alone(stack: Stack) -> None:
    stack.mlp.load_state_dict(copied(taught().mlp.state_dict()), assign=True)


def _layer_loaded_alone(stack: Stack) -> None:
    first = taught().autoencoder(0)
    stack.autoencoder(0).load_state_dict(copied(first.state_dict()), assign=True)


def _new_layer(stack: Stack) -> None:
    stack.mlp[0] = nn.Linear(stack.n_visible, SIZES_OF_SMALL[0])


def _other_layer(stack: Stack) -> None:
    stack.mlp[0] = nn.Identity()


def _without_bias(stack: Stack) -> None:
    linear_layers(stack)[0].register_parameter("bias", None)


def _pruned(stack: Stack) -> None:
    prune.l1_unstructured(stack.mlp[0], "weight", 0.5)


def _pruned_autoencoder(stack: Stack) -> None:
    prune.l1_unstructured(stack.autoencoder(0), "weight", 0.5)


def _parametrized(stack: Stack) -> None:
    parametrize.register_parametrization(stack.mlp[0], "weight", nn.Tanh())


def _weight_norm(stack: Stack) -> None:
    nn.utils.parametrizations.weight_norm(stack.autoencoder(0), "weight")


def _spectral_norm(stack: Stack) -> None:
    nn.utils.parametrizations.spectral_norm(stack.mlp[0], "weight")


def _another_type(stack: Stack) -> None:
    stack.mlp[0] = copy.deepcopy(stack.mlp[0]).double()


def _copied(stack: Stack) -> None:
    stack.mlp = copy.deepcopy(stack.mlp)
    with torch.no_grad():
        linear_layers(stack)[0].bias.add_(1)


def _frozen_twin(stack: Stack) -> None:
    stack.mlp = copy.deepcopy(stack.mlp).requires_grad_(False)


SIZES_OF_SMALL = (8, 6)
PARTINGS = {
    parting.__name__: parting
    for parting in (
        _new_weight,
        _new_bias,
        _loaded_alone,
        _layer_loaded_alone,
        _new_layer,
        _other_layer,
        _without_bias,
        _pruned,
        _pruned_autoencoder,
        _parametrized,
        _weight_norm,
        _spectral_norm,
        _another_type,
        _copied,
        _frozen_twin,
    )
}


@pytest.mark.parametrize("part", PARTINGS.values(), ids=PARTINGS)
def test_a_stack_whose_facades_parted_is_refused(
    part: Callable[[Stack], None], tmp_path: Path
) -> None:
    stack, whole = small_stack(), small_stack()
    sets = [(X, Y)] * 3
    step, tune = (
        stack.pretraining_functions(X, 10)[0],
        stack.build_finetune_functions(sets, 10, 0.1).train,
    )
    part(stack)
    calls: list[Callable[[], Any]] = [
        lambda: pretrain(stack, X, epochs=1),
        lambda: finetune(stack, (X, Y), None, epochs=1),
        lambda: stack.pretraining_functions(X, 10),
        lambda: stack.build_finetune_functions(sets, 10, 0.1),
        lambda: step(0),
        lambda: tune(0),
        lambda: stack.save(tmp_path / "model.safetensors"),
        lambda: stack.predict_proba(X),
        lambda: stack.encode(X),
        lambda: stack(X),
        lambda: pretrain(stack, X, epochs=1, checkpoint=tmp_path / "kept"),
    ]
    for call in calls:
        with pytest.raises(InvalidParameterError, match="layer 0") as caught:
            call()
        assert "0]" in str(caught.value), "names the module"
    assert not list(tmp_path.glob("model*"))
    assert not list(tmp_path.glob("kept/*.safetensors"))
    first = whole.autoencoder(1).weight
    assert torch.equal(stack.autoencoder(1).weight, first) or part is _loaded_alone


def test_the_remedy_of_the_error_helps() -> None:
    stack = small_stack()
    _new_weight(stack)
    with pytest.raises(InvalidParameterError) as caught:
        pretrain(stack, X, epochs=1)
    remedy = "stack.mlp[0].weight = stack.autoencoders[0].weight"
    assert remedy in str(caught.value)
    exec(remedy, {"stack": stack})
    assert are_one(stack)
    pretrain(stack, X, epochs=1)


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAETransformer])
def test_an_estimator_answers_only_from_facades_that_are_one(kind: type) -> None:
    few = {"max_iter": 3, "tol": 1e9, "n_iter_no_change": 1} if kind is SDAEClassifier else {}
    estimator, x = fitted(kind, warm_start=True, **few), X[:, :5]
    codes = estimator.transform(x)
    estimator.network_.mlp[0].weight = nn.Parameter(torch.ones(6, 5))
    with pytest.raises(InvalidParameterError, match="layer 0"):
        estimator.transform(x)
    with pytest.raises(InvalidParameterError, match="layer 0"):
        estimator.fit(x, Y)
    if kind is SDAETransformer:
        with pytest.raises(InvalidParameterError, match="layer 0"):
            estimator.inverse_transform(codes)


def test_what_is_pruned_for_good_is_pruned_in_both() -> None:
    stack = small_stack()
    _pruned(stack)
    prune.remove(stack.mlp[0], "weight")
    assert are_one(stack)
    pretrain(stack, X, epochs=1)
    finetune(stack, (X, Y), None, epochs=1)


def test_equal_parameters_that_parted_are_tied_again() -> None:
    stack, whole = small_stack(), small_stack()
    stack.mlp = copy.deepcopy(stack.mlp)
    assert not are_one(stack)
    for each in (stack, whole):
        pretrain(each, X, epochs=1, batch_size=10)
        finetune(each, (X, Y), None, epochs=2, batch_size=10, momentum=0.5)
    assert are_one(stack)
    assert state_bytes(stack) == state_bytes(whole)


def test_parameters_without_values_are_refused() -> None:
    stack = small_stack().to("meta")
    for call in (
        lambda: pretrain(stack, X, epochs=1),
        lambda: finetune(stack, (X, Y), None, epochs=1),
        lambda: stack.pretraining_functions(X, 10),
    ):
        with pytest.raises(InvalidParameterError, match=r"meta device.*to_empty"):
            call()


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_parameters_replaced_while_they_train_are_refused(engine: str, stage: str) -> None:
    stack = small_stack()
    values = copied(taught().state_dict())

    def load(_event: object) -> None:
        stack.load_state_dict(values, assign=True)

    train = {
        "pretrain": partial(pretrain, stack, X),
        "finetune": partial(finetune, stack, (X, Y), None),
    }[stage]
    with pytest.raises(InvalidParameterError, match="replaced during training"):
        train(epochs=2, batch_size=10, engine=engine, callbacks=[load])


def test_a_call_with_other_parameters_still_works() -> None:
    stack, model = small_stack(), taught()
    out = torch.func.functional_call(stack, dict(model.named_parameters()), (X,))
    assert torch.equal(out, model(X))
    assert are_one(stack)


def test_a_file_keeps_what_it_can_give_back(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    extra, headless = small_stack(), small_stack()
    extra.autoencoder(1).gain = nn.Parameter(torch.ones(1))
    headless.mlp[-1] = nn.Linear(SIZES_OF_SMALL[1], 3, bias=False)
    for stack, words in ((extra, "layers.1.gain"), (headless, "head.bias")):
        with pytest.raises(InvalidParameterError, match=words):
            stack.save(path)
        assert not path.exists()
    whole = taught()
    whole.to("meta").load_state_dict(copied(taught().state_dict()), assign=True)
    whole.save(path)
    assert state_bytes(load_model(path).stack) == state_bytes(taught())


def test_predictions_come_from_what_was_loaded() -> None:
    stack, model = make(), randomised(make(seed=5))
    stack.load_state_dict(model.state_dict(), assign=True)
    assert torch.equal(stack.predict_proba(rows()), model.predict_proba(rows()))
    assert np.array_equal(stack.mlp(torch.from_numpy(rows())).detach(), model(rows()).detach())
    assert len(SIZES) == stack.n_layers
