"""A rule is its text: what is printed is what runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from micrograd_plus import Value, nn
from micrograd_plus.compiler.update import update_function
from micrograd_plus.nn.optim import OPTIMIZERS
from micrograd_plus.nn.rule import Rule


def test_conditions_choose_lines() -> None:
    text = "a = g * 2  # if double\nw = w - a  # if double\nw = w - g  # if not double"
    assert str(Rule(text, {"double": True})) == "a = g * 2\nw = w - a"
    assert str(Rule(text, {"double": False})) == "w = w - g"


def test_states_are_the_names_read_before_they_are_assigned() -> None:
    states = {name: kind([Value(1.0)]).rule.state for name, kind in OPTIMIZERS.items()}
    assert states == {"adagrad": ("v",), "adam": ("m", "v"), "adamw": ("m", "v"), "rmsprop": ("v",), "sgd": ()}
    assert nn.SGD([Value(1.0)], momentum=0.9).rule.state == ("buf",)
    assert nn.RMSprop([Value(1.0)], momentum=0.9, centered=True).rule.state == ("v", "m", "buf")


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(ValueError, match=r"`w = w - rate \* g` uses rate"):
        Rule("w = w - rate * g", {})


def test_the_lines_one_by_one_are_the_function() -> None:
    rule = nn.Adam([Value(1.0)], weight_decay=0.1).rule
    given = {"w": 1.5, "g": -0.3, "t": 3, "lr": 0.01, "m": 0.2, "v": 0.1}
    by_line = {**given, **rule.options, "sqrt": math.sqrt}
    for line in rule.lines:
        by_line[line.name] = eval(line.expression, {}, by_line)
    assert rule(**given) == {name: by_line[name] for name in ("g", "m", "v", "m_hat", "v_hat", "step", "w")}


def test_a_root_of_a_negative_number_is_nan_for_floats_and_arrays() -> None:
    rule, w = Rule("w = sqrt(w)", {}), np.empty(1)
    assert math.isnan(rule(w=-1.0, g=0.0, t=1, lr=0.1)["w"])
    with np.errstate(invalid="ignore"):
        update_function(rule.lines, rule.state, rule.options, 1)(np.array([-1.0]), np.zeros(1), 1, 0.1, w)
    assert np.isnan(w).all()
