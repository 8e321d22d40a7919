"""`micrograd-plus train`: a data set becomes a trained model in a file, with held-out figures and a loss curve."""

from __future__ import annotations

import argparse
import math
import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from micrograd_plus.checks import listed, named
from micrograd_plus.cli.options import number, rows_or_share, whole
from micrograd_plus.cli.output import check_outputs, program
from micrograd_plus.cli.table import add_csv_options, read_table

if TYPE_CHECKING:
    from micrograd_plus.data import Dataset, Standardizer
    from micrograd_plus.train import ConfusionMatrix, History, Predictor

__all__ = ["WRITES_FILES", "add_parser", "confusion", "run", "score"]

REAL = ("digits", "iris")
TOYS = ("xor", "line", "moons", "circles", "spirals", "blobs")
TOY_ROWS = 200
CLASS_LOSSES = ("cross_entropy", "bce_with_logits", "hinge")
NUMBER_LOSSES = ("mse", "l1", "huber")
ITERATIONS = 1000  # about how many updates a small network needs with Adam at rate 0.01
EPOCHS = (5, 100)  # large data deserve to be seen more than once, and small ones are learnt by heart if seen too often
FILES = ("model.json", "history.json", "loss.svg", "checkpoint.json")
MOST_PARAMETERS = 1_000_000
BYTES = 1400  # of memory that a parameter takes in training, measured on MLPs of a hundred thousand and more
MEAN = "always the mean (its mean absolute error)"
WRITES_FILES = True

Parts: TypeAlias = "tuple[Dataset, Dataset, Dataset]"

EXAMPLES = """examples:
  micrograd-plus train --data iris
  micrograd-plus train --data houses.csv                          (lists the columns)
  micrograd-plus train --data houses.csv --target price --drop address --hidden 64 32
  micrograd-plus train --data houses.csv --target price --epochs 200 --resume"""


def add_parser(subparsers: Any) -> None:
    """Declares the command's arguments."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on a data set",
        description="Train a multi-layer perceptron, tell how good it is on rows it has not seen, and save it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data_options(parser.add_argument_group("data"))
    _add_model_options(parser.add_argument_group("model"))
    _add_training_options(parser.add_argument_group("training"))
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where to write (default: runs/ and the data's name)")
    parser.add_argument("--force", action="store_true", help="write over the files of an earlier run")


def _add_data_options(group: Any) -> None:
    sets = f"a real set ({', '.join(REAL)}), a toy set ({', '.join(TOYS)}), or a CSV file"
    group.add_argument("--data", required=True, metavar="NAME|FILE.csv", help=sets)
    add_csv_options(group)
    which = "of a CSV file: the column to predict, by its name or its number from 0"
    group.add_argument("--target", metavar="COLUMN", help=which)
    columns = "of a CSV file: the columns to predict from (default: all others)"
    group.add_argument("--features", metavar="COLUMN", nargs="+", help=columns)
    group.add_argument("--drop", metavar="COLUMN", nargs="+", default=[], help="of a CSV file: columns to leave out")
    words = "of a CSV file: columns of numbers that are names, such as a postcode"
    group.add_argument("--words", metavar="COLUMN", nargs="+", default=[], help=words)
    rules = "of a CSV file, what becomes of an empty cell: its column's mean, and a feature that says so; the row is"
    choices = {"choices": ("mean", "drop", "refuse"), "default": "mean"}
    group.add_argument("--missing", **choices, help=f"{rules} left out; or it is an error (default: mean)")
    tasks = ("classification", "regression")
    group.add_argument("--task", choices=tasks, help="of a CSV file (default: told by its target)")
    part = "what is held out, as a fraction or a whole number of rows (default: %(default)s)"
    group.add_argument("--test", type=rows_or_share, default=0.2, metavar="PART", help=part)


def _add_model_options(group: Any) -> None:
    sizes = "neurons of each hidden layer; none for no layer (default: 32)"
    group.add_argument("--hidden", type=whole, nargs="*", default=[32], metavar="N", help=sizes)
    group.add_argument("--activation", default="tanh", help="of the hidden layers (default: %(default)s)")
    group.add_argument("--dropout", type=number, default=0.0, metavar="P", help="share of neurons to drop (default: 0)")


def _add_training_options(group: Any) -> None:
    losses = (*CLASS_LOSSES, *NUMBER_LOSSES)
    group.add_argument("--loss", choices=losses, help="what is minimised (default: the usual one for the data)")
    weights = "balanced has the rows of all classes together count alike, however few they are (default: each row does)"
    group.add_argument("--class-weights", choices=("balanced",), help=weights)
    rules = "sgd, rmsprop, adagrad, adam or adamw (default: %(default)s)"
    group.add_argument("--optimizer", default="adam", help=rules)
    rate = "the learning rate (default: %(default)s)"
    group.add_argument("--lr", "--rate", type=number, default=0.01, metavar="RATE", help=rate)
    group.add_argument("--batch-size", type=whole, default=32, metavar="N", help="rows to an update (default: 32)")
    epochs = f"(default: as make {ITERATIONS} updates, {EPOCHS[0]} to {EPOCHS[1]})"
    group.add_argument("--epochs", type=whole, metavar="N", help=epochs)
    patience = "stop after N epochs without a gain on rows set apart for it, and keep the best"
    group.add_argument("--patience", type=whole, metavar="N", help=patience)
    group.add_argument("--clip", type=number, metavar="NORM", help="a bound of the gradient's norm (default: none)")
    group.add_argument("--seed", type=whole, default=0, help="of all that is drawn (default: %(default)s)")
    backend = "array code, a C program, or the graph node by node (default: numpy, and eager where a model needs it)"
    group.add_argument("--backend", choices=("numpy", "c", "eager"), help=backend)
    width = "of the numbers; float32 is quicker, and right to some seven digits (default: %(default)s)"
    group.add_argument("--dtype", choices=("float64", "float32"), default="float64", help=width)
    group.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")


def _part(text: str) -> float:
    """A whole number is one of rows, anything else a fraction."""
    return int(text) if text.isdecimal() else float(text)


def run(args: argparse.Namespace) -> int:
    """Returns the exit code, after it has trained, written and reported."""
    named_set = args.data in REAL or args.data in TOYS
    (training, watched, held_out), told = (_of_set(args), []) if named_set else _of_file(args)
    if args.class_weights and not training.is_classification:
        raise ValueError(f"--class-weights is for classes, and {training.target_name!r} is a number; leave it out")
    folder = Path(args.output or Path("runs") / held_out.name.removesuffix(", test part"))
    cure = "name another folder: --output FOLDER; or pass --force to write over it, or --resume to go on"
    read = [] if named_set else [args.data]
    check_outputs([folder / file for file in FILES], read, args.force or args.resume, cure)
    for line in (*told, *(f"note: {note}" for note in _notes(args, training))):
        print(line)
    predictor, history = _train(args, training, watched, folder)
    written = _write(predictor, history, folder)
    _report(predictor, training, held_out)
    print(*written, f"use it:       {program()} predict {shlex.quote(str(folder / FILES[0]))} FILE.csv", sep="\n")
    return 0


def _of_set(args: argparse.Namespace) -> Parts:
    from micrograd_plus import data

    if args.target or args.features or args.task or args.drop or args.words:
        cure = "--target, --features, --drop, --words and --task are for a CSV file"
        raise ValueError(f"{args.data} has its own target and features; {cure}")
    make: Callable[..., Dataset] = getattr(data, args.data)
    noise = {"noise": 0.15} if args.data == "xor" else {}  # without, it has four rows, over and over
    return _split(args, make() if args.data in REAL else make(TOY_ROWS, seed=args.seed, **noise))


def _of_file(args: argparse.Namespace) -> tuple[Parts, list[str]]:
    file = Path(args.data)
    if not file.suffix and not file.exists():
        named("data set", args.data, dict.fromkeys([*REAL, *TOYS]))  # raises, and guesses what was meant
    table = read_table(args)
    parts = _split(args, table.numbered())
    training, watched, held_out = (table.part(each, parts[0]) for each in parts)
    return (training, watched, held_out), [f"{table.summary()}\n", *table.told]


def _split(args: argparse.Namespace, data: Dataset) -> Parts:
    """The rows to train on, those to watch (and choose the best epoch by, with patience), and those held out."""
    from micrograd_plus.data import split

    training, held_out = split(data, args.test, seed=args.seed)
    if args.patience is None:
        return training, held_out, held_out
    return *split(training, args.test, seed=args.seed), held_out  # those to choose by are none of the figures' rows


def _notes(args: argparse.Namespace, training: Dataset) -> Iterator[str]:
    """What is most likely not meant, and yet is no mistake."""
    never = [name for label, name in enumerate(training.classes) if label not in training.targets]
    if never:
        cure = "bring more of them, or a smaller --test"
        yield f"no row to train on has {listed(map(repr, never))}, which will not be learnt; {cure}"
    if args.lr == 0:
        yield "with --lr 0 nothing is learnt; 0.01 is usual"


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
    from micrograd_plus.cli.watch import Watch
    from micrograd_plus.data import iterations_per_epoch
    from micrograd_plus.nn import MLP
    from micrograd_plus.train import Checkpoint, EarlyStopping, Predictor, fit

    pixels = args.data == "digits"  # of one kind, they share a scale
    training, watched, scaler, target_scaler = _scaled(rows, watched, per_feature=not pixels)
    loss = _loss(args.loss, training)
    widths = [*args.hidden, len(training.classes) if loss == "cross_entropy" else 1]
    _check_size([training.width, *widths])
    model = MLP(training.width, widths, activation=args.activation, dropout=args.dropout, seed=args.seed)
    steps = iterations_per_epoch(len(training), args.batch_size)
    epochs = args.epochs if args.epochs is not None else min(max(EPOCHS[0], math.ceil(ITERATIONS / steps)), EPOCHS[1])
    print(f"{rows!r}\n{model!r}, {len(model.parameters()):,} parameters")
    print(f"{epochs} epochs of {steps} iterations, {loss}, {args.optimizer} at rate {args.lr:g}")
    _make(folder)
    watch = Watch(folder / "checkpoint.json", args.resume, args.typed)
    callbacks = [watch] if args.patience is None else [watch, EarlyStopping(patience=args.patience)]
    with watch.until_the_end():
        history = fit(
            model, training, loss=loss, optimizer=args.optimizer, lr=args.lr, epochs=epochs, seed=args.seed,
            batch_size=args.batch_size, validation={"held-out" if args.patience is None else "validation": watched},
            class_weights=args.class_weights, clip=args.clip, callbacks=callbacks, backend=args.backend,
            dtype=args.dtype, checkpoint=Checkpoint(watch.path, every=max(1, epochs // 10), resume=args.resume),
        )  # fmt: skip
    if history.stopped:
        print(f"stopped after epoch {len(history)}: {history.stopped}")
    print("".join(f"{remark}\n" for remark in history.remarks()), end="")
    notes = {"data": rows.source, "epochs": len(history), "seed": args.seed, "always": _constant(rows)}
    return Predictor.of(model, training, loss=loss, scaler=scaler, target_scaler=target_scaler, notes=notes), history


def _constant(rows: Dataset) -> str | float:
    """The best answer that is the same for every row: the most frequent class, or the mean."""
    if rows.classes:
        return Counter(rows.classes[int(number)] for number in rows.targets).most_common(1)[0][0]  # type: ignore[arg-type]
    return math.fsum(_numbers(rows)) / len(rows)


def _check_size(widths: Sequence[int]) -> None:
    """Raises ValueError for a network that would fill the memory before it has learnt anything."""
    if min(widths) < 1:
        return  # the network tells it
    count = sum((nin + 1) * nout for nin, nout in pairwise(widths))
    if count > MOST_PARAMETERS:
        size = f"{count:,} parameters, about {count * BYTES / 1e9:,.0f} GB"
        raise ValueError(f"--hidden {' '.join(map(str, widths[1:-1]))} makes {size}; name fewer neurons: --hidden 64")


def _make(folder: Path) -> None:
    """Makes the folder. Raises OSError where that can't be, or where nothing can be written to it."""
    cure = "name another folder: --output FOLDER"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{str(folder)!r} can't be a folder: there is a file in its place; {cure}") from None
    except OSError as error:
        raise OSError(f"the folder {str(folder)!r} can't be made ({error.strerror}); {cure}") from None
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"nothing can be written to {str(folder)!r}; {cure}")


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
        form = ".1%" if predictor.classes else ".4g"
        table.add_row(figure, *(f"{each[figure]:{form}}" if figure in each else "" for each in scores))
    console = Console(highlight=False)
    console.print(table)
    if 0 < len(predictor.classes) <= 12:
        console.print(confusion(predictor, held_out))


def score(predictor: Predictor, data: Dataset) -> dict[str, float]:
    """Returns the figures of a predictor on rows in their own units.

    Beside them stand those of the best constant answer, which was told by the rows that the model was trained on.
    """
    always = predictor.notes.get("always")
    if predictor.classes:
        matrix = confusion(predictor, data)
        sizes = dict(zip(predictor.classes, map(sum, matrix.counts)))
        share = {} if always is None else {"always the most frequent class": sizes[always] / len(data)}
        return {"accuracy": matrix.accuracy, **share}
    targets = _numbers(data)
    mean = math.fsum(targets) / len(targets)
    errors = [abs(a - b) for a, b in zip(predictor.predict(data.inputs), targets)]
    squares, all_squares = sum(each * each for each in errors), sum((y - mean) ** 2 for y in targets)
    constant = {} if always is None else {MEAN: sum(abs(y - always) for y in targets) / len(targets)}
    return {
        "mean absolute error": sum(errors) / len(errors),
        "root mean squared error": math.sqrt(squares / len(errors)),
        **constant,
        **({"R squared": 1 - squares / all_squares} if all_squares else {}),
    }


def confusion(predictor: Predictor, data: Dataset) -> ConfusionMatrix:
    """Returns how often each class was taken for each."""
    from micrograd_plus.train import confusion_matrix

    outputs, targets = predictor.outputs(data.inputs), [int(y) for y in data.targets]  # type: ignore[arg-type]
    return confusion_matrix(outputs, targets, predictor.classes, predictor.threshold)


def _write(predictor: Predictor, history: History, folder: Path) -> list[str]:
    """What was written, in lines. Raises OSError that says where the model is where a file could not be written."""
    try:
        model = predictor.save(folder / FILES[0])
    except OSError as error:
        raise OSError(f"{error}; {_rescued(predictor, folder)}") from None
    try:
        written = [f"model         {model}", f"history       {history.save(folder / FILES[1])}"]
        written.append(f"loss curve    {history.save(folder / FILES[2])}")
    except ModuleNotFoundError as error:
        written.append(f"no loss curve: {error}")
    except OSError as error:
        raise OSError(f"{error}; the trained model is whole, in {model}") from None
    return written


def _rescued(predictor: Predictor, folder: Path) -> str:
    """Where a model is that could not be written where it belongs."""
    import tempfile

    try:
        rescue = Path(tempfile.mkdtemp(prefix="micrograd-plus-"))
        return f"the trained model is in {predictor.save(rescue / FILES[0])}"
    except OSError:
        cure = f"make room, and go on from {folder / FILES[3]} by --resume"
        return f"the trained model is lost, and so it is in {tempfile.gettempdir()}; {cure}"
