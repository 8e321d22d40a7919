"""`micrograd-plus playground`: a web page in which a network is trained by hand."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from micrograd_plus.cli.options import number, whole
from micrograd_plus.cli.output import check_outputs

__all__ = ["add_parser", "run"]

SETS = ("xor", "moons", "circles", "spirals", "blobs")
LOSSES = ("cross_entropy", "bce_with_logits", "hinge", "mse", "l1", "huber")

EXAMPLES = """examples:
  micrograd-plus playground
  micrograd-plus playground --data spirals --hidden 16 16 --activation relu -o spirals.html"""


def add_parser(subparsers: Any) -> None:
    """Declares the command's arguments."""
    parser = subparsers.add_parser(
        "playground",
        help="write a page in which a network is trained by hand",
        description="Write a web page, one file that needs no network, in which a multi-layer perceptron trains step"
        " by step. All that is named here can be changed in the page. In Python, micrograd_plus.viz.playground takes a"
        " model and data of your own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", choices=SETS, default="moons", help="the points to tell apart (default: moons)")
    sizes = "neurons of each hidden layer; none for no layer (default: 8 8)"
    parser.add_argument("--hidden", type=whole, nargs="*", default=[8, 8], metavar="N", help=sizes)
    parser.add_argument("--activation", default="tanh", help="of the hidden layers (default: %(default)s)")
    parser.add_argument(
        "--dropout", type=number, default=0.0, metavar="P", help="share of neurons to drop (default: 0)"
    )
    parser.add_argument("--loss", choices=LOSSES, help="what is minimised (default: the usual one for the data)")
    rules = "sgd, rmsprop, adagrad, adam or adamw (default: %(default)s)"
    parser.add_argument("--optimizer", default="adam", help=rules)
    rate = "the learning rate (default: 0.03)"
    parser.add_argument("--lr", "--rate", type=number, metavar="RATE", help=rate)
    parser.add_argument("--batch-size", type=whole, default=32, metavar="N", help="rows to an update (default: 32)")
    share = "share of rows held back to validate on; 0 for none (default: %(default)s)"
    parser.add_argument("--validation", type=number, default=0.2, metavar="SHARE", help=share)
    parser.add_argument("--seed", type=whole, default=0, help="of all that is drawn (default: %(default)s)")
    parser.add_argument("--title", default="", help="the page's title")
    file = "the page to write, .html (default: %(default)s)"
    parser.add_argument("-o", "--output", metavar="FILE", default="playground.html", help=file)
    parser.add_argument("--force", action="store_true", help="write over the page if it is there")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code, after it has written the page."""
    from micrograd_plus.viz.live import playground

    check_outputs([args.output], [], args.force)
    page = playground(
        data=args.data, hidden=args.hidden, activation=args.activation, dropout=args.dropout, loss=args.loss,
        optimizer=args.optimizer, lr=args.lr, batch_size=args.batch_size, validation=args.validation, seed=args.seed,
        title=args.title,
    )  # fmt: skip
    print(f"wrote {page.save(args.output)}: open it in a browser, {Path(args.output).resolve().as_uri()}")
    return 0
