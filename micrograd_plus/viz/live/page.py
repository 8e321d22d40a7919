"""The playground: a web page in which a model is trained by hand, in the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from micrograd_plus.checks import argument, finite_number, named, plain, whole_number
from micrograd_plus.data import Dataset, sets
from micrograd_plus.data.dataset import checked_dataset
from micrograd_plus.nn import MLP, Module, Optimizer
from micrograd_plus.nn.losses import Loss, loss_name
from micrograd_plus.nn.optim import OPTIMIZERS, optimizer_class
from micrograd_plus.train.objectives import ONE_OUTPUT_A_CLASS, Objective, objective_for, outputs_of
from micrograd_plus.value import Value
from micrograd_plus.viz.live.emitted import OF_CLASSES, OF_NUMBERS, ROWS, SETS, activations, engine_script
from micrograd_plus.viz.live.lifted import Lifted
from micrograd_plus.viz.player.page import Page, json_of, text_of

__all__ = ["Playground", "playground"]

VIEW = (
    "shades.js", "network_view.js", "plane_view.js", "curves_view.js", "inspector.js", "python.js",
    "settings.js", "playground_view.js",
)  # fmt: skip
"""The scripts of what is seen, in order; they use `Engine`, and the page's data."""


class Playground(Page):
    """A page in which a model is trained by hand, in the browser; `playground` makes it.

    `config` is what it starts with, as its engine has it; `mlp` the form of the page's own network, `model` the
    learner's, if there is one; `rows` the data at the start, which the page holds if it `has_rows` and draws otherwise.
    """

    kind, name, title, height = "a playground", "playground", "Playground", 900
    package, unit, part = __package__, "iteration", "epoch"
    above = '<p id="stopped" class="trouble" role="alert"></p>'
    more = """<button type="button" id="epoch" aria-label="Next epoch" title="One epoch on (Page Down)">
<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M4 4l6 6-6 6M10 4l6 6-6 6"/></svg></button>
"""
    told = '<p id="times" class="hint"></p>'
    speeds: ClassVar = {n: f"{n} a second" for n in (1, 5, 20, 60, 300)} | {1e9: "fastest"}
    speed = 60

    def __init__(
        self, config: Mapping[str, Any], mlp: Mapping[str, Any], rows: Dataset, model: Lifted | None,
        has_rows: bool, title: str,
    ) -> None:  # fmt: skip
        self.config, self.mlp, self.model, self.rows, self.has_rows = config, mlp, model, rows, has_rows
        self.title = title or self.title

    def data(self) -> Mapping[str, Any]:
        """Returns what the scripts read, as JSON would hold it."""
        own = None if self.model is None else {"words": self.model.words, "mlp": self.mlp}
        optimizers = {name: each.__name__ for name, each in OPTIMIZERS.items()}
        return {"title": self.title, "config": self.config, "own": own, "optimizers": optimizers}

    def engine(self) -> str:
        """Returns the script that computes: it defines `Engine`, and knows no page."""
        model = "null" if self.model is None else f"{{...{json_of(self.model.described())}, ...{self.model.script()}}}"
        return engine_script(model, _rows(self.rows) if self.has_rows else "null")

    def script(self) -> str:
        """Returns the engine and what shows it."""
        shared, own = text_of("controls.js", "numbers.js", "paint.js"), text_of(*VIEW, package=__package__)
        return "\n".join(['"use strict";', self.engine(), shared, own])

    def __repr__(self) -> str:
        what = f"MLP({self.rows.width}, {[*self.mlp['hidden'], self._outputs]})"
        if self.model is not None:
            words = self.model.words
            what = words if len(words) <= 60 and "\n" not in words else type(self.model.model).__name__
        return f"<Playground: {what} on {self.rows.name!r}>"

    @property
    def _outputs(self) -> int:
        """How many outputs the page's own MLP has at the start."""
        return len(self.rows.classes) if self.config["loss"] in ONE_OUTPUT_A_CLASS else 1


def playground(
    model: Module | None = None, data: Dataset | str | None = None, *, loss: str | Loss | None = None,
    optimizer: str | Optimizer | type[Optimizer] = "adam", lr: float | None = None, batch_size: int = 32,
    validation: float = 0.2, shuffle: bool = True, seed: int = 0, hidden: Sequence[int] = (8, 8),
    activation: str = "tanh", dropout: float = 0.0, title: str = "",
) -> Playground:  # fmt: skip
    """Returns a web page in which `model` trains on `data`, with the numbers that `train.fit` would have.

    The model's own graph is lifted and written in JavaScript, so that any model of Values trains, in the browser, from
    the weights that it has now; it is left as it is. Without a model the page builds MLPs of its own. `data` is a
    Dataset, or one of "xor", "moons", "circles", "spirals" and "blobs", which the page draws anew with other numbers of
    points and noise; without, it is the moons.

    - `loss`, `optimizer`, `batch_size`, `shuffle` and `seed` are those of `fit`. The seed also draws the points of a
      set, the split, and the weights of the page's own MLP, as `nn.MLP` does.
    - `lr`, the learning rate: a number; without, 0.03, or that of an optimizer that you made.
    - `validation`: the share of rows that `data.split` holds back with this seed; 0 for none.
    - `hidden`, `activation`, `dropout`: of the page's own MLP; where the model is an MLP, the page's is alike.

    L2 is the optimizer's `weight_decay`, which the page has as a control. Raises CompileError, with the reason, for a
    model that can't be lifted; ValueError or TypeError for what does not go together, or what a page can't do: a
    schedule, groups of parameters, an optimizer of your own, rows that weigh or have several targets.

    >>> from micrograd_plus.nn import MLP
    >>> playground(MLP(2, [4, 1], seed=1), "circles", lr=0.1)
    <Playground: MLP(2, [4, 1]) on 'circles'>
    >>> playground(data="blobs", hidden=[8])
    <Playground: MLP(2, [8, 3]) on 'blobs'>
    """
    seed = whole_number("seed", seed, least=0)
    name, rows = _chosen(data)
    shown = getattr(sets, name)(ROWS, seed=seed) if rows is None else rows
    objective = _objective(loss, shown, model)
    made = _optimizer(optimizer, lr, model)
    own = {} if model is None else _mlp(model)
    mlp = own or _checked_mlp(hidden, activation, dropout)
    config = {
        "model": {"kind": "mlp", **mlp} if model is None else {"kind": "own"},
        "data": {"name": "own"} if rows is not None else {"name": name, "n": ROWS}, "validation": _share(validation),
        "loss": objective.name, "optimizer": _settings(made), "seed": seed, "shuffle": bool(shuffle),
        "batchSize": whole_number("batch_size", batch_size, least=1),
    }  # fmt: skip
    lifted = None if model is None else Lifted(model, shown, objective, made)
    return Playground(config, mlp, shown, lifted, rows is not None, title)


def _chosen(data: Any) -> tuple[str, Dataset | None]:
    """The name of the data, and the Dataset itself where it is the learner's own."""
    if data is None or isinstance(data, str):
        return named("data set", data or "moons", dict.fromkeys(SETS, data or "moons")), None
    rows = checked_dataset(data)
    if isinstance(rows.targets[0], list):
        raise ValueError(f"{rows.name!r} has several targets a row, and the playground shows one; choose one of them")
    if rows.weights is not None:
        raise ValueError(f"{rows.name!r} has weights, and in the playground all rows count alike; use weighted(None)")
    return rows.name, rows


def _objective(loss: str | Loss | None, data: Dataset, model: Module | None) -> Objective:
    """The loss, and how the outputs are read; without a model its last layer follows the loss."""
    if model is not None:
        return objective_for(loss, data, outputs_of(model, data))
    if loss is None:
        return objective_for(None, data, len(data.classes) if len(data.classes) > 2 else None)
    if loss_name(loss) not in (*OF_CLASSES, *OF_NUMBERS):
        known = ", ".join((*OF_CLASSES, *OF_NUMBERS))
        raise ValueError(f"the loss {loss_name(loss)!r} needs a model of its own; pass one, or choose one of {known}")
    return objective_for(loss, data, len(data.classes) if loss_name(loss) in ONE_OUTPUT_A_CLASS else None)


RATE = 0.03
"""The learning rate where none is named: a page is watched, so larger than usual."""


def _optimizer(optimizer: Any, lr: Any, model: Module | None) -> Optimizer:
    """The optimizer of the model's parameters, one that a page has the rule of."""
    if callable(lr) or callable(getattr(optimizer, "lr", None)):
        raise ValueError(f"a page's learning rate is one number, and no schedule; pass lr={RATE}")
    found: Optimizer
    if not isinstance(optimizer, Optimizer):
        make: Any = optimizer if isinstance(optimizer, type) else optimizer_class(optimizer)
        found = make([Value(0.0)] if model is None else model.parameters(), RATE if lr is None else lr)
    elif model is None:
        raise ValueError(f"{type(optimizer).__name__} is of a model's parameters; pass the model too, or only its name")
    elif lr is not None:
        raise ValueError(f"lr={lr!r} was passed beside {optimizer!r}, which has its own; set it there")
    elif optimizer.t:
        raise ValueError(f"this {type(optimizer).__name__} has made {optimizer.t} steps; a page starts with a new one")
    else:
        found = optimizer
    if type(found) not in OPTIMIZERS.values():
        raise ValueError(f"a page has the rules of {', '.join(OPTIMIZERS)}, but not of {type(found).__name__}")
    if (model is not None and {*found.parameters} != {*model.parameters()}) or len(found.groups) > 1:
        raise ValueError("a page trains all parameters of the model alike; pass an optimizer of model.parameters()")
    return found


def _settings(optimizer: Optimizer) -> dict[str, Any]:
    name = next(name for name, each in OPTIMIZERS.items() if type(optimizer) is each)
    return {"name": name, "lr": optimizer.rate, "options": optimizer.groups[0].rule.options}


def _share(validation: Any) -> float:
    share = finite_number("validation", validation)
    if not 0 <= share < 1:
        told = "is the share of rows held back, at least 0 and below 1"
        raise ValueError(f"{argument('validation')} {told}, but got {validation}; 0.2 is a fifth")
    return share


def _mlp(model: Module) -> dict[str, Any]:
    """What a page's own MLP would be, for a model that is one of those."""
    if type(model) is not MLP or model.activation not in activations():
        return {}
    return {"hidden": model.widths[:-1], "activation": model.activation, "dropout": model.dropout}


def _checked_mlp(hidden: Sequence[int], activation: str, dropout: float) -> dict[str, Any]:
    if isinstance(hidden, (int, str)):
        raise TypeError(f"hidden is a list of numbers of neurons, such as [8, 8], but got {hidden!r}")
    named("activation", activation, activations())
    MLP(1, [*plain(hidden), 1], dropout=dropout)  # raises what it raises for such widths and shares
    return {"hidden": [*plain(hidden)], "activation": activation, "dropout": float(dropout)}


def _rows(data: Dataset) -> str:
    """The learner's own data, as an expression of JavaScript."""
    facts = {"name": data.name, "n": len(data), "width": data.width}
    names = {"classes": data.classes, "features": data.feature_names}
    inputs = json.dumps([number for row in data.inputs for number in row])
    numbers = f"inputs: Float64Array.from({inputs}), targets: Float64Array.from({json.dumps(data.targets)})"
    return f"{{...{json_of(facts | names)}, {numbers}}}"
