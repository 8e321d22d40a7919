"""`micrograd-plus train`: a data set becomes a trained model in a file, with held-out figures and a loss curve."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus.checks import named

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset, Standardizer
    from micrograd_plus.train import ConfusionMatrix, History, Predictor

__all__ = ["add_csv_options", "add_parser", "confusion", "csv_options", "run", "score"]

REAL = ("digits", "iris")
TOYS = ("xor", "line", "moons", "circles", "spirals", "blobs")
TOY_ROWS = 200
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
    _add_data_options(parser.add_argument_group("data"))
    _add_model_options(parser.add_argument_group("model"))
    _add_training_options(parser.add_argument_group("training"))
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where to write (default: runs/ and the data's name)")


def _add_data_options(group: Any) -> None:
    sets = f"a real set ({', '.join(REAL)}), a toy set ({', '.join(TOYS)}), or a CSV file"
    group.add_argument("--data", required=True, metavar="NAME|FILE.csv", help=sets)
    add_csv_options(group)
    group.add_argument("--target", metavar="COLUMN", help="of a CSV file: the column to predict")
    columns = "of a CSV file: the columns to predict from (default: all others)"
    group.add_argument("--features", metavar="COLUMN", nargs="+", help=columns)
    tasks = ("classification", "regression")
    group.add_argument("--task", choices=tasks, help="of a CSV file (default: told by its target)")
    part = "what is held out, as a fraction or a whole number of rows (default: %(default)s)"
    group.add_argument("--test", type=_part, default=0.2, metavar="PART", help=part)


def _add_model_options(group: Any) -> None:
    sizes = "neurons of each hidden layer; none for no layer (default: 32)"
    group.add_argument("--hidden", type=int, nargs="*", default=[32], metavar="N", help=sizes)
    group.add_argument("--activation", default="relu", help="of the hidden layers (default: %(default)s)")
    group.add_argument("--dropout", type=float, default=0.0, metavar="P", help="share of neurons to drop (default: 0)")


def _add_training_options(group: Any) -> None:
    losses = (*CLASS_LOSSES, *NUMBER_LOSSES)
    group.add_argument("--loss", choices=losses, help="what is minimised (default: the usual one for the data)")
    rules = "sgd, rmsprop, adagrad, adam or adamw (default: %(default)s)"
    group.add_argument("--optimizer", default="adam", help=rules)
    rate = "the learning rate (default: %(default)s)"
    group.add_argument("--lr", "--rate", type=float, default=0.01, metavar="RATE", help=rate)
    group.add_argument("--batch-size", type=int, default=32, metavar="N", help="rows to an update (default: 32)")
    epochs = f"(default: as make {ITERATIONS} updates, {EPOCHS[0]} to {EPOCHS[1]})"
    group.add_argument("--epochs", type=int, metavar="N", help=epochs)
    patience = "stop after N epochs without a gain on rows set apart for it, and keep the best"
    group.add_argument("--patience", type=int, metavar="N", help=patience)
    group.add_argument("--clip", type=float, metavar="NORM", help="a bound of the gradient's norm (default: none)")
    group.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: %(default)s)")
    backend = "array code, or the graph node by node (default: numpy, and eager where a model needs it)"
    group.add_argument("--backend", choices=("numpy", "eager"), help=backend)
    group.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")


def _part(text: str) -> float:
    """A whole number is one of rows, anything else a fraction."""
    return int(text) if text.isdecimal() else float(text)


def add_csv_options(group: Any) -> None:
    """Declares how a CSV file is read; `predict` shares it."""
    group.add_argument("--delimiter", default=",", metavar="C", help="of a CSV file: what stands between cells")
    header = "of a CSV file: whether its first line has the columns' names; without, they are x0, x1, ..."
    group.add_argument("--header", action=argparse.BooleanOptionalAction, help=header)
    group.add_argument("--encoding", default="utf-8-sig", metavar="NAME", help="of a CSV file: latin-1, utf-16, ...")


def csv_options(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the options that `add_csv_options` declared, as `read_csv` takes them."""
    delimiter = "\t" if args.delimiter in ("tab", "\\t") else args.delimiter
    return {"delimiter": delimiter, "header": args.header, "encoding": args.encoding}


def run(args: argparse.Namespace) -> int:
    """Returns the exit code, after it has trained, reported and written."""
    from micrograd_plus.data import split

    data = _data(args)
    training, held_out = split(data, args.test, seed=args.seed)
    watched = held_out
    if args.patience is not None:  # rows to choose the best epoch by are none that the figures are taken on
        training, watched = split(training, args.test, seed=args.seed)
    folder = Path(args.output or Path("runs") / data.name)
    predictor, history = _train(args, training, watched, folder)
    _report(predictor, training, held_out)
    _write(predictor, history, folder)
    return 0


def _data(args: argparse.Namespace) -> Dataset:
    from micrograd_plus import data

    if args.data in REAL or args.data in TOYS:
        if args.target or args.features or args.task:
            cure = "--target, --features and --task are for a CSV file"
            raise ValueError(f"{args.data} has its own target and features; {cure}")
        make: Callable[..., Dataset] = getattr(data, args.data)
        noise = {"noise": 0.15} if args.data == "xor" else {}  # without, it has four rows, over and over
        return make() if args.data in REAL else make(TOY_ROWS, seed=args.seed, **noise)
    file = Path(args.data)
    if not file.suffix and not file.exists():
        named("data set", args.data, dict.fromkeys([*REAL, *TOYS]))  # raises, and guesses what was meant
    if args.target is None:
        raise ValueError(f"which column of {args.data} is to be predicted? Name it: --target COLUMN")
    target, *features = (_column(name, args) for name in [args.target, *(args.features or [])])
    return data.read_csv(args.data, target, features=features or None, task=args.task, **csv_options(args))


def _column(name: str, args: argparse.Namespace) -> str | int:
    """In a file without names, columns are x0, x1, ..., and a bare number is welcome too."""
    return int(name) if args.header is False and name.lstrip("-").isdigit() else name


def _scaled(
    training: Dataset, watched: Dataset, per_feature: bool
) -> tuple[Dataset, Dataset, Standardizer, Standardizer | None]:
    """Both standardized, and what did it to the inputs and to a regression's target: a rate then suits any unit."""
    from micrograd_plus.data import Dataset, Standardizer, standardize

    training, watched, scaler = standardize(training, watched, per_feature=per_feature)
    if training.is_classification:
        return training, watched, scaler, None
    column = [[y] for y in _numbers(training)]
    of_target = Standardizer.fit(Dataset(column, column, feature_names=(training.target_name,)))
    training, watched = (
        replace(part, targets=[of_target.apply_row([y])[0] for y in _numbers(part)]) for part in (training, watched)
    )
    return training, watched, scaler, of_target


def _numbers(data: Dataset) -> list[float]:
    """The targets of a regression, of which a CSV file has one column."""
    return [float(y) for y in data.targets]  # type: ignore[arg-type]


def _train(args: argparse.Namespace, rows: Dataset, watched: Dataset, folder: Path) -> tuple[Predictor, History]:
    from micrograd_plus.data import iterations_per_epoch
    from micrograd_plus.nn import MLP
    from micrograd_plus.train import Checkpoint, EarlyStopping, Predictor, fit

    pixels = args.data == "digits"  # of one kind, they share a scale
    training, watched, scaler, target_scaler = _scaled(rows, watched, per_feature=not pixels)
    loss = _loss(args.loss, training)
    widths = [*args.hidden, len(training.classes) if loss == "cross_entropy" else 1]
    model = MLP(training.width, widths, activation=args.activation, dropout=args.dropout, seed=args.seed)
    steps = iterations_per_epoch(len(training), args.batch_size)
    epochs = args.epochs if args.epochs is not None else min(max(EPOCHS[0], math.ceil(ITERATIONS / steps)), EPOCHS[1])
    print(f"{rows!r}\n{model!r}, {len(model.parameters()):,} parameters")
    print(f"{epochs} epochs of {steps} iterations, {loss}, {args.optimizer} at rate {args.lr:g}")
    _make(folder)
    history = fit(
        model, training, loss=loss, optimizer=args.optimizer, lr=args.lr, epochs=epochs, batch_size=args.batch_size,
        seed=args.seed, validation={"held-out" if args.patience is None else "validation": watched}, clip=args.clip,
        callbacks=[] if args.patience is None else [EarlyStopping(patience=args.patience)], backend=args.backend,
        checkpoint=Checkpoint(folder / "checkpoint.json", every=max(1, epochs // 10), resume=args.resume),
    )  # fmt: skip
    if history.stopped:
        print(f"stopped after epoch {len(history)}: {history.stopped}")
    notes = {"data": rows.source, "epochs": len(history), "seed": args.seed}
    return Predictor.of(model, training, loss=loss, scaler=scaler, target_scaler=target_scaler, notes=notes), history


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{str(folder)!r} can't be a folder: there is a file in its place") from None


def _loss(loss: str | None, data: Dataset) -> str:
    """The loss that was named, if it fits the targets; else the usual one."""
    classes = len(data.classes)
    fitting = NUMBER_LOSSES if not classes else CLASS_LOSSES if classes == 2 else CLASS_LOSSES[:1]
    if loss is None:
        return "bce_with_logits" if classes == 2 else fitting[0]
    if loss not in fitting:
        kind = f"{classes} classes" if classes else "numbers"
        raise ValueError(f"{loss} does not fit a target of {kind}; choose --loss from {', '.join(fitting)}")
    return loss


def _report(predictor: Predictor, training: Dataset, held_out: Dataset) -> None:
    """Prints the figures on rows the model has seen and, the ones that count, on those it has not."""
    from rich.console import Console
    from rich.table import Table

    table, scores = Table("", title="Figures"), []
    for name, data in {"training": training, "held out": held_out}.items():
        table.add_column(f"{name} ({len(data):,} rows)", justify="right")
        scores.append(score(predictor, data))
    for figure in scores[0]:
        table.add_row(figure, *(f"{each[figure]:{'.1%' if predictor.classes else '.4g'}}" for each in scores))
    console = Console(highlight=False)
    console.print(table)
    if 0 < len(predictor.classes) <= 12:
        console.print(confusion(predictor, held_out))


def score(predictor: Predictor, data: Dataset) -> dict[str, float]:
    """Returns the figures of a predictor on rows in their own units, beside those of the best constant answer."""
    if predictor.classes:
        matrix = confusion(predictor, data)
        sizes = [*map(sum, matrix.counts)]
        return {"accuracy": matrix.accuracy, "always the most frequent class": max(sizes) / sum(sizes)}
    targets = _numbers(data)
    mean = math.fsum(targets) / len(targets)
    errors = [abs(a - b) for a, b in zip(predictor.predict(data.inputs), targets)]
    spread = [abs(y - mean) for y in targets]
    squares, all_squares = (sum(each * each for each in distances) for distances in (errors, spread))
    return {
        "mean absolute error": sum(errors) / len(errors),
        "root mean squared error": math.sqrt(squares / len(errors)),
        "always the mean (its mean absolute error)": sum(spread) / len(spread),
        **({"R squared": 1 - squares / all_squares} if all_squares else {}),
    }


def confusion(predictor: Predictor, data: Dataset) -> ConfusionMatrix:
    """Returns how often each class was taken for each."""
    from micrograd_plus.train import confusion_matrix

    outputs, targets = predictor.outputs(data.inputs), [int(y) for y in data.targets]  # type: ignore[arg-type]
    return confusion_matrix(outputs, targets, predictor.classes, predictor.threshold)


def _write(predictor: Predictor, history: History, folder: Path) -> None:
    model = predictor.save(folder / "model.json")
    written = [f"model         {model}", f"history       {history.save(folder / 'history.json')}"]
    try:
        written.append(f"loss curve    {history.save(folder / 'loss.svg')}")
    except ModuleNotFoundError as error:
        written.append(f"no loss curve: {error}")
    print(*written, f"use it:       micrograd-plus predict {model} FILE.csv", sep="\n")
