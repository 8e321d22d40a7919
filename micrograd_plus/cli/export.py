"""`micrograd-plus export`: a saved model as a file for PyTorch, JAX, ONNX or plain C."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from micrograd_plus.cli.output import check_outputs

__all__ = ["add_parser", "run"]

HOW = {
    "torch": "python {}",
    "jax": "python {}",
    "onnx": "onnxruntime.InferenceSession({!r})",
    "c": "cc -std=c99 -O2 -DPREDICT_MAIN {} -lm -o predict",
}
"""The languages, and how a file of each is run."""

EXAMPLES = """examples:
  micrograd-plus export runs/iris/model.json --to torch -o flowers.py
  micrograd-plus export runs/iris/model.json --to c --dtype float32 -o flowers.c"""


def add_parser(subparsers: Any) -> None:
    """Declares the command's arguments."""
    parser = subparsers.add_parser(
        "export",
        help="write a trained model for PyTorch, JAX, ONNX or C",
        description="Write a saved model as a file of another language, which gives the same numbers for the same"
        " rows. For torch and jax the weights are beside it, in a file that ends in .safetensors.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL.json", help="the file that train wrote")
    parser.add_argument("--to", choices=[*HOW], required=True, help="the language")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the file to write")
    digits = "the numbers of C: float64 (default), or float32 for small devices"
    parser.add_argument("--dtype", choices=["float64", "float32"], help=digits)
    parser.add_argument("--force", action="store_true", help="write over the output if it is there")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code, after it has written."""
    from micrograd_plus.export import to_c, to_jax, to_onnx, to_torch
    from micrograd_plus.train import Predictor

    if args.dtype and args.to != "c":
        raise ValueError(f"--dtype is a choice in C alone; for {args.to} leave it out")
    outputs = [Path(args.output)]
    if args.to in ("torch", "jax"):
        outputs.append(outputs[0].with_suffix(".safetensors"))
    check_outputs(outputs, [args.model], args.force)
    predictor = Predictor.load(args.model)
    if args.to == "c":
        exported = to_c(predictor, dtype=args.dtype or "float64")
    else:
        exported = {"torch": to_torch, "jax": to_jax, "onnx": to_onnx}[args.to](predictor)
    exported.save(args.output)
    print(f"{' and '.join(map(str, outputs))} written; to run: {HOW[args.to].format(args.output)}")
    return 0
