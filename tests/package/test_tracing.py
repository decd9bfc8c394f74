"""Which tests coverage leaves out."""

from types import SimpleNamespace
from typing import Any

from tests.tracing import Tracing


def case(test: str, mark: str = "", **values: object) -> Any:
    return SimpleNamespace(
        nodeid=f"{test}[{values}]",
        callspec=SimpleNamespace(params=values),
        get_closest_marker=lambda name: name == mark,
    )


def test_each_value_of_each_parameter_is_traced_once() -> None:
    tracing = Tracing()
    shown = [
        tracing.shows_something_new(case("a", engine=engine, tied=tied))
        for engine in ("fused", "autograd", "closed_form")
        for tied in (True, False)
    ]
    assert shown == [True, True, True, False, True, False]
    assert tracing.shows_something_new(case("b", engine="fused", tied=True)), "another test"


def test_a_mark_leaves_a_test_out_and_one_without_parameters_is_traced() -> None:
    plain = SimpleNamespace(nodeid="a", get_closest_marker=lambda name: name == "slow")
    assert Tracing().shows_something_new(plain)  # type: ignore[arg-type]
    assert not Tracing().shows_something_new(case("a", "untraced", x=1))


def test_pauses_may_be_within_one_another() -> None:
    class Collector:
        said = ""

        def stop(self) -> None:
            self.said += "stop "

        def start(self) -> None:
            self.said += "start "

    collector = Collector()
    tracing = Tracing(lambda: collector)
    for _ in range(2):
        with tracing.paused():
            tracing.pause()
            tracing.resume()
    assert collector.said == "stop start stop start "
