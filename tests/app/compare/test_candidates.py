"""The two networks differ in pre-training alone; every model gets the same number of settings."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from sdae.app.compare.candidates import Models, describe_model, settings_of
from sdae.app.compare.label_splits import Pool, cut
from sdae.app.compare.study import BESIDE, MODELS, NETWORKS, PRETRAINED, RANDOM
from sdae.app.compare.tuning import tune_and_fit
from sdae.estimators import SDAEClassifier, SDAETransformer
from tests.app.compare.problems import TINY_NETWORK, TUNED, blobs, small_study

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

STUDY = small_study(9)
SETTING = {"learning_rate_init": 0.005, "dropout": 0.0}


@pytest.fixture(scope="module")
def pool() -> Pool:
    data = blobs()
    return cut(replace(data, unlabelled=data.x[:7] + 0.1), 0.25, 0)[0]


def weights(network: SDAEClassifier) -> list[NDArray[np.float32]]:
    return [p.detach().numpy().copy() for p in network.network_.parameters()]


def same(a: list[NDArray[np.float32]], b: list[NDArray[np.float32]]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))


def test_the_pre_trained_network_is_what_pre_training_on_all_rows_makes(pool: Pool) -> None:
    """It has seen the rows of the pool, those without labels too, and nothing else."""
    start = Models(STUDY, pool, 3).new(PRETRAINED, SETTING)
    alone = {name: value for name, value in TINY_NETWORK.items() if name not in TUNED}
    expected = SDAETransformer(**alone, random_state=3).fit(pool.rows)  # type: ignore[arg-type]
    for name, value in expected.network_.state_dict().items():
        np.testing.assert_array_equal(start.network_.state_dict()[name], value)


def test_without_pre_training_it_is_the_network_that_pre_training_began_with(pool: Pool) -> None:
    random = Models(STUDY, pool, 3).new(RANDOM, SETTING)
    still = replace(STUDY, network={**TINY_NETWORK, "pretrain_learning_rate": 0.0})
    unmoved = Models(still, pool, 3).new(PRETRAINED, SETTING)
    assert same(weights(random), weights(unmoved))
    assert not same(weights(random), weights(Models(STUDY, pool, 3).new(PRETRAINED, SETTING)))
    assert not same(weights(random), weights(Models(STUDY, pool, 4).new(RANDOM, SETTING)))


def test_the_two_differ_in_pre_training_alone(pool: Pool) -> None:
    models = Models(STUDY, pool, 0)
    one, other = (models.new(name, SETTING).get_params() for name in NETWORKS)
    assert one.pop("pretrain_epochs") == 2
    assert other.pop("pretrain_epochs") == 0
    assert one == other
    assert one["max_iter"] == 4
    assert one["learning_rate_init"] == 0.005


def test_labels_of_the_first_of_each_class_matter_by_their_name_only(pool: Pool) -> None:
    """Which rows they are does not change a weight: the network is pre-trained, not fine-tuned."""
    start = Models(STUDY, pool, 0).new(PRETRAINED, SETTING)
    other_order = replace(pool, order=pool.order[::-1])
    assert same(weights(start), weights(Models(STUDY, other_order, 0).new(PRETRAINED, SETTING)))


def test_fine_tuning_one_copy_leaves_the_others_as_they_are(pool: Pool) -> None:
    models = Models(STUDY, pool, 0)
    before = weights(models.new(PRETRAINED, SETTING))
    x, y = pool.labelled(9)
    tuned = models.new(PRETRAINED, SETTING).fit(x, y)
    assert not same(weights(tuned), before)
    assert same(weights(models.new(PRETRAINED, SETTING)), before)
    again = models.new(PRETRAINED, SETTING).fit(x, y)
    assert same(weights(tuned), weights(again))


def test_parameters_of_fine_tuning_wait_until_there_are_labels(pool: Pool) -> None:
    network = {**TINY_NETWORK, "early_stopping": True, "class_weight": "balanced"}
    model = Models(replace(STUDY, network=network), pool, 0).new(PRETRAINED, SETTING)
    assert model.early_stopping
    assert model.class_weight == "balanced"
    model.fit(*pool.labelled(30))
    assert model.validation_scores_ is not None


@pytest.mark.parametrize("model", MODELS)
def test_each_model_has_the_same_number_of_settings_all_different(model: str) -> None:
    for budget in (1, 4):
        settings = settings_of(model, replace(STUDY, budget=budget))
        assert len({tuple(setting.items()) for setting in settings}) == budget
    assert describe_model(model, STUDY)["grid"] == [dict(settings_of(model, STUDY)[0])]


def test_both_networks_choose_among_the_same_settings() -> None:
    study = replace(STUDY, budget=4)
    assert settings_of(PRETRAINED, study) == settings_of(RANDOM, study)


@pytest.mark.parametrize("name", BESIDE)
def test_others_are_scaled_where_the_networks_would_be(name: str, pool: Pool) -> None:
    made = Models(STUDY, pool, 0).new(name, settings_of(name, STUDY)[0])
    assert isinstance(made, Pipeline)
    within = replace(pool, rows=np.clip(pool.rows, 0, 1))
    made = Models(STUDY, within, 0).new(name, settings_of(name, STUDY)[0])
    assert not isinstance(made, Pipeline)
    assert made.get_params()["random_state"] == 0


def test_the_other_network_has_the_size_of_ours(pool: Pool) -> None:
    study = replace(STUDY, network={"hidden_layer_sizes": [7, 3]})
    made = Models(study, pool, 0).new("mlp", settings_of("mlp", study)[0])
    assert made[-1].hidden_layer_sizes == [7, 3]


def test_the_setting_is_chosen_that_does_best_on_labelled_rows_left_out(pool: Pool) -> None:
    x, y = pool.labelled(30)
    settings = ({"C": 1e-9}, {"C": 1.0}, {"C": 1e-8})
    models = Models(STUDY, pool, 0)
    fitted = tune_and_fit(models, "svm", settings, x, y, n_folds=3, seed=0)
    assert fitted.setting == {"C": 1.0}
    equal = tune_and_fit(models, "svm", settings[::2], x, y, n_folds=3, seed=0)
    assert equal.setting == {"C": 1e-9}
    assert fitted.tuning.seconds > 0


def test_two_rows_of_a_class_suffice_for_tuning(pool: Pool) -> None:
    x, y = pool.labelled(6)
    fitted = tune_and_fit(
        Models(STUDY, pool, 0), "svm", ({"C": 1.0}, {"C": 2.0}), x, y, n_folds=3, seed=0
    )
    assert set(fitted.model.classes_) == {0, 1, 2}


def test_a_setting_that_diverges_is_not_chosen(pool: Pool) -> None:
    x, y = pool.labelled(30)
    settings = ({"learning_rate_init": 1e30, "dropout": 0.0}, SETTING)
    study = replace(STUDY, network={**TINY_NETWORK, "solver": "sgd"})
    fitted = tune_and_fit(Models(study, pool, 0), RANDOM, settings, x, y, n_folds=2, seed=0)
    assert fitted.setting == SETTING
