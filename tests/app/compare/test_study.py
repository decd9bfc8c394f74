"""What may be compared, in which words, and by what a result is known."""

from dataclasses import replace

import numpy as np
import pytest

from sdae.app.compare import study as study_module
from sdae.app.compare.candidates import check_network, describe_model
from sdae.app.compare.study import (
    AGREEING,
    MODELS,
    NETWORKS,
    Study,
    cell_key,
    read_labels,
    read_models,
    read_network,
)
from sdae.core.errors import InvalidParameterError
from sdae.estimators import SDAEClassifier
from tests.app.compare.problems import blobs, small_study


def test_label_counts_are_read_sorted_and_once_each() -> None:
    assert read_labels("100, 50,all,100") == (50, 100, None)
    assert read_labels("all") == (None,)


def test_a_list_of_words_needs_no_quotes() -> None:
    given = "semi_supervised=[vat,mean_teacher]"
    assert read_network([given]) == {"semi_supervised": ["vat", "mean_teacher"]}


def test_agreement_is_set_for_models_that_agree_alone() -> None:
    method = {"semi_supervised": "vat"}
    with pytest.raises(InvalidParameterError, match=r"change nothing.*--models agreement"):
        Study(network=method)
    for model in AGREEING:
        assert Study(models=(*NETWORKS, model), network=method).network == method


@pytest.mark.parametrize("text", ["", "1", "50;100", "-5", "2.5", "50,,100", "every"])
def test_other_label_counts_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameterError) as refusal:
        read_labels(text)
    assert str(refusal.value) == (
        "The --labels parameter of sdae compare must be numbers of labelled rows of at least 2, or "
        f"'all', separated by commas. Got {text!r} instead. For example: 50,100,all."
    )


def test_the_two_networks_are_always_among_the_models() -> None:
    assert read_models("svm, logistic") == ("pretrained", "random", "logistic", "svm")
    assert read_models("random") == ("pretrained", "random")
    assert read_models("ladder,agreement") == ("pretrained", "random", "agreement", "ladder")
    assert read_models("all") == MODELS
    assert len(MODELS) == len(set(MODELS)) == 11
    with pytest.raises(
        InvalidParameterError, match=r"--models .* from: pretrained, random, logistic"
    ):
        read_models("logistic,forest")


def test_parameters_of_the_networks_are_read_as_toml_or_as_texts() -> None:
    read = read_network(["hidden_layer_sizes=[5,4]", "alpha = 0.1", "corruption=gaussian:0.1"])
    assert dict(read) == {"hidden_layer_sizes": [5, 4], "alpha": 0.1, "corruption": "gaussian:0.1"}


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("alpha", "--set parameter of sdae compare must be KEY=VALUE, as in pretrain_epochs=20"),
        ("=3", "must be KEY=VALUE"),
        ("dropout=0.1", "tunes dropout itself, with the same values for both networks. Leave it"),
        ("random_state=1", "sets random_state itself. Leave it out."),
    ],
)
def test_other_settings_are_refused(setting: str, complaint: str) -> None:
    with pytest.raises(InvalidParameterError) as refusal:
        read_network([setting])
    assert complaint in str(refusal.value)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"hidden_layer_size": 3}, "no parameter 'hidden_layer_size'. Did you mean 'hidden_lay"),
        ({"hidden_layer_sizes": 0}, "hidden_layer_sizes parameter of sdae compare must be an int"),
        ({"contamination": 0.1}, "must be one of SDAEClassifier's parameters: activation, alpha"),
        (
            {"pretrain_epochs": 0},
            "must be at least 1 for every layer: the study compares pre-training",
        ),
    ],
)
def test_parameters_that_the_networks_cannot_have_are_refused(
    parameters: dict[str, object], complaint: str
) -> None:
    with pytest.raises(InvalidParameterError) as refusal:
        check_network(Study(network=parameters))
    assert complaint in str(refusal.value)


def test_a_study_is_checked_when_it_is_made() -> None:
    with pytest.raises(
        InvalidParameterError, match=r"seeds parameter .* integer ≥ 2. Got 1 instead"
    ):
        Study(seeds=1)
    with pytest.raises(InvalidParameterError, match=r"test parameter .* a share of the rows above"):
        Study(test=0)
    with pytest.raises(InvalidParameterError, match=r"budget parameter .* at most 4. Got 5"):
        Study(budget=5)
    with pytest.raises(InvalidParameterError, match="sets warm_start itself"):
        Study(network={"warm_start": True})


def key(study: Study, *, data: str = "d", model: str = "random", seed: int = 0, n: int = 9) -> str:
    return cell_key(
        data, study, model=model, described=describe_model(model, study), seed=seed, n_labels=n
    )


def test_a_result_is_known_by_all_that_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    study = small_study(9, seeds=2, budget=2)
    known = key(study)
    assert known == key(small_study(9, 12, seeds=5, budget=2))  # these are of other results
    others = [
        key(study, data="e"),
        key(study, model="pretrained"),
        key(study, model="logistic"),
        key(study, seed=1),
        key(study, n=10),
        key(replace(study, test=0.3)),
        key(replace(study, folds=3)),
        key(replace(study, budget=1)),
        key(replace(study, network={**study.network, "alpha": 0.5})),
    ]
    assert len({known, *others}) == len(others) + 1
    monkeypatch.setattr(study_module, "_FORMAT", 1)  # before tables were exact and splits whole
    assert key(study) not in {known, *others}
    monkeypatch.undo()
    monkeypatch.setattr(study_module, "versions", lambda: {"torch": "another"})
    assert key(study) not in {known, *others}


def test_parameters_of_the_networks_matter_to_those_models_alone_that_have_them() -> None:
    study = small_study(9)
    other = replace(study, network={**study.network, "alpha": 0.5})
    wider = replace(study, network={**study.network, "hidden_layer_sizes": [3]})
    for model in ("logistic", "boosting", "svm", "self_training", "label_spreading", "ladder"):
        assert key(study, model=model) == key(other, model=model) == key(wider, model=model)
    assert key(study, model="mlp") == key(other, model="mlp") != key(wider, model="mlp")

    for model in AGREEING:
        assert len({key(each, model=model) for each in (study, other, wider)}) == 3


def test_results_of_earlier_studies_keep_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the models that studies had before others learned from rows without labels."""
    monkeypatch.setattr(study_module, "versions", lambda: {"sdae": "1"})
    study = Study(network={"hidden_layer_sizes": [7]})
    names = ("logistic", "boosting", "svm", "mlp")
    assert {model: key(study, model=model, seed=3, n=50)[:16] for model in names} == {
        "logistic": "84344fb9b6b36225",
        "boosting": "31696c1cfcd5f71a",
        "svm": "3fb5d736dcc4482f",
        "mlp": "cf145a89db939b7b",
    }
    parameters = SDAEClassifier(hidden_layer_sizes=[7]).get_params()  # new ones change the keys
    for model in NETWORKS:
        assert describe_model(model, study) == {
            "grid": [
                {"learning_rate_init": 0.005, "dropout": 0.0},
                {"learning_rate_init": 0.001, "dropout": 0.5},
                {"learning_rate_init": 0.001, "dropout": 0.0},
                {"learning_rate_init": 0.005, "dropout": 0.5},
            ],
            "fixed": {name: str(value) for name, value in parameters.items()},
        }


def test_data_are_known_by_rows_labels_and_what_has_no_label() -> None:
    data = blobs()
    changed = data.x.copy()
    changed[0, 0] += 1e-6
    others = [
        replace(data, x=changed),
        replace(data, y=data.y[::-1].copy()),
        replace(data, unlabelled=data.x[:1]),
    ]
    assert len({data.sha256, *(other.sha256 for other in others)}) == 4
    assert replace(data, name="another").sha256 == data.sha256
    assert replace(data, x=np.asfortranarray(data.x)).sha256 == data.sha256
