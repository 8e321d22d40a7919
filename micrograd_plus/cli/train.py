"""`micrograd-plus train`: a data set becomes a trained model in a file, with held-out figures and a loss curve."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from micrograd_plus.data import Dataset, Standardizer
    from micrograd_plus.train import ConfusionMatrix, History, Predictor

__all__ = ["add_parser", "run"]

REAL = ("digits", "iris")
TOYS: dict[str, dict[str, float]] = {
    "xor": {"n": 200, "noise": 0.15},
    "line": {"n": 200},
    "moons": {"n": 200},
    "circles": {"n": 200},
    "spirals": {"n": 200},
    "blobs": {"n": 200},
}
CLASS_LOSSES = ("cross_entropy", "bce_with_logits", "hinge")
NUMBER_LOSSES = ("mse", "l1", "huber")
ITERATIONS = 1000  # about how many updates a small network needs with Adam at rate 0.01
EPOCHS = (5, 100)  # large data deserve to be seen more than once, and small ones are learnt by heart if seen too often


def add_parser(subparsers: Any) -> None:
    """Declares the command's arguments."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on a data set",
        description="Train a multi-layer perceptron, tell how good it is on rows it has not seen, and save it.",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", required=True, metavar="NAME|FILE.csv",
        help=f"a real set ({', '.join(REAL)}), a toy set ({', '.join(TOYS)}), or a CSV file",
    )  # fmt: skip
    add_csv_options(data)
    data.add_argument("--target", metavar="COLUMN", help="of a CSV file: the column to predict")
    data.add_argument(
        "--features",
        metavar="COLUMN",
        nargs="+",
        help="of a CSV file: the columns to predict from (default: all others)",
    )
    data.add_argument(
        "--task", choices=["classification", "regression"], help="of a CSV file (default: told by its target)"
    )
    data.add_argument(
        "--test",
        type=_part,
        default=0.2,
        metavar="PART",
        help="what is held out, as a fraction or a whole number of rows (default: %(default)s)",
    )
    model = parser.add_argument_group("model")
    model.add_argument(
        "--hidden",
        type=int,
        nargs="*",
        default=[32],
        metavar="N",
        help="neurons of each hidden layer; none for no layer (default: 32)",
    )
    model.add_argument("--activation", default="relu", help="of the hidden layers (default: %(default)s)")
    model.add_argument(
        "--dropout", type=float, default=0.0, metavar="P", help="the share of neurons to drop (default: %(default)s)"
    )
    training = parser.add_argument_group("training")
    training.add_argument(
        "--loss",
        choices=[*CLASS_LOSSES, *NUMBER_LOSSES],
        help="what is minimised (default: the usual one for the data)",
    )
    training.add_argument(
        "--optimizer", default="adam", help="sgd, rmsprop, adagrad, adam or adamw (default: %(default)s)"
    )
    training.add_argument(
        "--lr", "--rate", type=float, default=0.01, metavar="RATE", help="the learning rate (default: %(default)s)"
    )
    training.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="rows to an update (default: %(default)s)"
    )
    training.add_argument(
        "--epochs", type=int, metavar="N", help=f"(default: as make {ITERATIONS} updates, {EPOCHS[0]} to {EPOCHS[1]})"
    )
    training.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="stop after N epochs without a gain on rows set apart for it, and keep the best",
    )
    training.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: %(default)s)")
    training.add_argument(
        "--backend", choices=["numpy", "eager"],
        help="run the graph as array code, or node by node (default: as array code if that can be)",
    )  # fmt: skip
    training.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", help="where to write (default: runs/ and the name of the data)"
    )


def _part(text: str) -> float:
    """A whole number is one of rows, anything else a fraction."""
    return int(text) if text.isdecimal() else float(text)


def add_csv_options(group: Any) -> None:
    """Declares how a CSV file is read; `predict` shares it."""
    group.add_argument("--delimiter", default=",", metavar="C", help="of a CSV file: what stands between cells")
    group.add_argument("--no-header", action="store_true", help="of a CSV file: columns have no names, so x0, x1, ...")
    group.add_argument("--encoding", default="utf-8-sig", metavar="NAME", help="of a CSV file: latin-1, utf-16, ...")


def csv_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options that `add_csv_options` declared, as `read_csv` takes them."""
    delimiter = "\t" if args.delimiter in ("tab", "\\t") else args.delimiter
    return {"delimiter": delimiter, "header": False if args.no_header else None, "encoding": args.encoding}


def run(args: argparse.Namespace) -> int:
    """Trains, reports and writes; returns the exit code."""
    from rich.console import Console

    console = Console(highlight=False)
    parts = _parts(args)
    folder = Path(args.output or Path("runs") / parts.name)
    predictor, history = _train(args, parts, folder, console)
    _report(console, predictor, parts)
    _write(console, predictor, history, folder)
    return 0


# -------------------------------------------------------------------- data


@dataclass
class Parts:
    """The rows in their own units: to train on, to choose the best epoch by (if asked for), and held out."""

    name: str
    training: Dataset
    validation: Dataset | None
    held_out: Dataset
    one_kind: bool
    """Whether all features are of one kind, such as pixels, and share a scale."""


def _parts(args: argparse.Namespace) -> Parts:
    from micrograd_plus.data import split

    name, data = _data(args)
    training, held_out = split(data, args.test, seed=args.seed)
    validation = None
    if args.patience is not None:
        training, validation = split(training, args.test, seed=args.seed)
    return Parts(name, training, validation, held_out, one_kind=args.data == "digits")


def _data(args: argparse.Namespace) -> tuple[str, Dataset]:
    from micrograd_plus import data
    from micrograd_plus.checks import named

    column = "--target"
    if args.data in REAL or args.data in TOYS:
        if args.target or args.features or args.task:
            raise ValueError(
                f"{args.data} has its own target and features; {column}, --features and --task are for a CSV file"
            )
        make: Callable[..., Dataset] = getattr(data, args.data)
        return args.data, make(**TOYS[args.data], seed=args.seed) if args.data in TOYS else make()
    if not Path(args.data).suffix and not Path(args.data).exists():
        named("data set", args.data, dict.fromkeys([*REAL, *TOYS]))  # raises, and guesses what was meant
    if args.target is None:
        raise ValueError(f"which column of {args.data} is to be predicted? Name it: {column} COLUMN")
    target, features = _column(args.target, args), _columns(args.features, args)
    found = data.read_csv(args.data, target, features=features, task=args.task, **csv_options(args))
    return Path(args.data).stem, found


def _columns(names: list[str] | None, args: argparse.Namespace) -> list[str | int] | None:
    return None if names is None else [_column(name, args) for name in names]


def _column(name: str, args: argparse.Namespace) -> str | int:
    """In a file without names, columns are x0, x1, ..., and a bare number is welcome too."""
    return int(name) if args.no_header and name.lstrip("-").isdigit() else name


# -------------------------------------------------------------------- training


def _train(args: argparse.Namespace, parts: Parts, folder: Path, console: Console) -> tuple[Predictor, History]:
    from micrograd_plus.data import iterations_per_epoch, standardize
    from micrograd_plus.nn import MLP
    from micrograd_plus.train import Callback, Checkpoint, EarlyStopping, Predictor, fit

    training, scaler = standardize(parts.training, per_feature=not parts.one_kind)
    watched = scaler.apply(parts.validation or parts.held_out)
    target_scaler = None if training.is_classification else _target_scaler(training)
    if target_scaler is not None:
        training, watched = _scale_target(training, target_scaler), _scale_target(watched, target_scaler)
    loss = _loss(args.loss, training)
    outputs = len(training.classes) if loss == "cross_entropy" else 1
    model = MLP(
        training.width, [*args.hidden, outputs], activation=args.activation, dropout=args.dropout, seed=args.seed
    )
    steps = iterations_per_epoch(len(training), args.batch_size)
    epochs = args.epochs if args.epochs is not None else min(max(EPOCHS[0], math.ceil(ITERATIONS / steps)), EPOCHS[1])
    console.print(
        f"{parts.training!r}\n{model!r}, {len(model.parameters()):,} parameters", markup=False, soft_wrap=True
    )
    console.print(f"{epochs} epochs of {steps} iterations, {loss}, {args.optimizer} at rate {args.lr:g}")
    stopping: list[Callback] = [EarlyStopping(patience=args.patience)] if parts.validation else []
    _make(folder)
    history = fit(
        model, training, loss=loss, optimizer=args.optimizer, lr=args.lr, epochs=epochs, batch_size=args.batch_size,
        validation={"validation" if parts.validation else "held-out": watched}, seed=args.seed, callbacks=stopping,
        checkpoint=Checkpoint(folder / "checkpoint.json", every=max(1, epochs // 10), resume=args.resume),
        backend=args.backend,
    )  # fmt: skip
    if history.stopped:
        console.print(f"stopped after epoch {len(history)}: {history.stopped}")
    notes = {"data": parts.training.source, "epochs": len(history), "seed": args.seed}
    return Predictor.of(model, training, loss=loss, scaler=scaler, target_scaler=target_scaler, notes=notes), history


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{str(folder)!r} can't be a folder: there is a file in its place") from None


def _loss(loss: str | None, data: Dataset) -> str:
    if data.is_classification:
        fitting = CLASS_LOSSES if len(data.classes) == 2 else CLASS_LOSSES[:1]
        usual = "bce_with_logits" if len(data.classes) == 2 else "cross_entropy"
    else:
        fitting, usual = NUMBER_LOSSES, "mse"
    if loss is not None and loss not in fitting:
        kind = f"{len(data.classes)} classes" if data.classes else "numbers"
        raise ValueError(f"{loss} does not fit a target of {kind}; choose --loss from {', '.join(fitting)}")
    return loss or usual


def _target_scaler(data: Dataset) -> Standardizer:
    """The target of a regression is brought to mean 0 and deviation 1 too: a rate then suits any unit."""
    from micrograd_plus.data import Dataset, Standardizer

    column = [[y] for y in _numbers(data)]
    return Standardizer.fit(Dataset(column, column, feature_names=(data.target_name,)))


def _scale_target(data: Dataset, scaler: Standardizer) -> Dataset:
    return replace(data, targets=[scaler.apply_row([y])[0] for y in _numbers(data)])


def _numbers(data: Dataset) -> list[float]:
    """The targets of a regression, of which a CSV file has one column."""
    return [float(y) for y in data.targets]  # type: ignore[arg-type]


# -------------------------------------------------------------------- report


def _report(console: Console, predictor: Predictor, parts: Parts) -> None:
    """Prints the figures on rows the model has seen and, the ones that count, on those it has not."""
    named = {"training": parts.training, "held out": parts.held_out}
    scores = {name: score(predictor, data) for name, data in named.items()}
    console.print(_figures_table(scores, named))
    for data in [parts.held_out] if predictor.classes and len(predictor.classes) <= 12 else []:
        console.print(confusion(predictor, data))


def score(predictor: Predictor, data: Dataset) -> dict[str, float]:
    """The figures of a predictor on rows in their own units, beside those of the best constant answer."""
    found = predictor.predict(data.inputs)
    if predictor.classes:
        names = [predictor.classes[int(y)] for _, y in data]  # type: ignore[arg-type]
        usual = max(map(names.count, set(names)))
        right = sum(a == b for a, b in zip(found, names))
        return {"accuracy": right / len(names), "always the most frequent class": usual / len(names)}
    targets = _numbers(data)
    errors = [abs(a - b) for a, b in zip(found, targets)]
    mean = math.fsum(targets) / len(targets)
    spread = [y - mean for y in targets]
    squares = sum(each * each for each in spread)
    return {
        "mean absolute error": sum(errors) / len(errors),
        "root mean squared error": math.sqrt(sum(each * each for each in errors) / len(errors)),
        "always the mean (its mean absolute error)": sum(map(abs, spread)) / len(spread),
        **({"R squared": 1 - sum(each * each for each in errors) / squares} if squares else {}),
    }


def confusion(predictor: Predictor, data: Dataset) -> ConfusionMatrix:
    """Which class was taken for which."""
    from micrograd_plus.train import confusion_matrix

    outputs, targets = predictor.outputs(data.inputs), [int(y) for y in data.targets]  # type: ignore[arg-type]
    return confusion_matrix(outputs, targets, predictor.classes, predictor.threshold)


def _figures_table(scores: dict[str, dict[str, float]], data: dict[str, Dataset]) -> Table:
    from rich.table import Table

    table = Table("", title="Figures")
    for name, rows in data.items():
        table.add_column(f"{name} ({len(rows):,} rows)", justify="right")
    for figure in next(iter(scores.values())):
        percent = "accuracy" in figure or "class" in figure
        cells = [f"{each[figure]:.1%}" if percent else f"{each[figure]:.4g}" for each in scores.values()]
        table.add_row(figure, *cells)
    return table


def _write(console: Console, predictor: Predictor, history: History, folder: Path) -> None:
    model = predictor.save(folder / "model.json")
    written = [f"model         {model}", f"history       {history.save(folder / 'history.json')}"]
    try:
        written.append(f"loss curve    {history.save(folder / 'loss.svg')}")
    except ModuleNotFoundError as error:
        written.append(f"no loss curve: {error}")
    console.print("\n".join(written), markup=False, soft_wrap=True)
    console.print(f"use it:       micrograd-plus predict {model} FILE.csv", markup=False, soft_wrap=True)
