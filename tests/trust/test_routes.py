"""What the engine says of random graphs is what each route says that shares no code with it."""

from __future__ import annotations

import re

import pytest

from micrograd_plus import ops
from tests.trust import routes
from tests.trust.routes import GRAPHS, ROUTES, count

NAMES = [pytest.param(name, marks=pytest.mark.torch) if name == "pytorch" else name for name in ROUTES]


@pytest.mark.parametrize("name", NAMES)
def test_graphs_by_chance(name: str) -> None:
    found = count(ROUTES[name], 100, by_chance=True)
    assert found.graphs >= 100
    assert found.numbers >= 100


@pytest.mark.slow
@pytest.mark.parametrize("name", ROUTES)
def test_as_many_graphs_as_we_say(name: str) -> None:
    assert count(ROUTES[name], GRAPHS).graphs >= GRAPHS


def test_a_wrong_derivative_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By each route but the one that looks at no derivative, and that which reads them from the same row."""
    wrong = ops.Op("tanh", "tanh", "x", "tanh(x)", {"x": "1 - out**2 + 1e-3"})
    monkeypatch.setattr(routes, "graphs", lambda size: routes_of(wrong))
    for name, route in ROUTES.items():
        if name in ("differences", "complex steps"):
            with pytest.raises(AssertionError, match="the engine has"):
                count(route, 20)


def routes_of(op: ops.Op) -> object:
    from tests.strategies import graphs

    return graphs(operations=(op,), size=3)


def test_the_command_prints_what_it_compared(capsys: pytest.CaptureFixture[str]) -> None:
    some = {name: route for name, route in ROUTES.items() if name != "pytorch"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(routes, "ROUTES", some)
        routes.main(["5"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("route")
    assert [re.split("  +", line)[0] for line in lines[2:]] == list(some)
