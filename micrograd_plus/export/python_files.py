"""The files for PyTorch and JAX: what stands around the statements, and the weights beside them."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from micrograd_plus.data.cells import MISSING
from micrograd_plus.export.lowering import Lowered, Part, Tensor, lower
from micrograd_plus.export.python import JAX, TORCH, Writer, statements
from micrograd_plus.export.source import Source, columns_of
from micrograd_plus.export.spelling import Identifiers, comment, packed, remark

__all__ = ["jax_source", "torch_source", "weights_of"]

_TAKEN = (
    *dir(builtins), "CLASSES", "COLUMNS", "EMPTY", "Model", "Path", "allowed", "cell", "count", "dropout", "empty",
    "features", "flag", "forward", "found", "functional", "index", "jax", "jnp", "kept", "key", "load", "load_file",
    "look_up", "mean", "model", "name", "nn", "np", "number", "params", "path", "pick", "predict", "rate", "row",
    "rows", "self", "table", "torch", "whole", "word", "word_of", "words",
)  # fmt: skip
"""What the files call things of their own."""


def weights_of(source: Source, lowered: Lowered) -> bytes:
    """Returns the safetensors file of the parameters' present numbers. Raises ModuleNotFoundError without the library.

    Each array's entry in the file's metadata tells which parameters of the model it holds, in the order of its numbers.
    """
    from micrograd_plus.export.extras import library

    numbers = np.array([each.data for each in source.program.parameters], float)
    arrays = {each.name: np.ascontiguousarray(numbers[each.places]) for each in lowered.parameters}
    content: bytes = library("safetensors.numpy").save(arrays)
    return content


# -------------------------------------------------------------------- PyTorch

_TORCH_HOW = """The weights are in the .safetensors file of the same name beside this one, in float64.
To run the example: python THIS_FILE. To use it: model = load(), then model(inputs), the examples along the first axis.
To train it: PyTorch's own autograd and optimizers; every weight is in a parameter of the Module.
It needs: pip install torch safetensors"""

_TORCH_DROPS = "In training (model.train()) PyTorch's own dropout drops; after model.eval() nothing is dropped."

_TORCH_HELPERS = {
    "number": '''
def number(x):
    """The number as PyTorch's functions take it."""
    return torch.tensor(x, dtype=torch.float64)
''',
    "whole": '''
def whole(index, count):
    """The index as whole numbers. Raises IndexError unless all are from 0 to count - 1."""
    found = index.long()
    if not bool(((found == index) & (found >= 0) & (found < count)).all()):
        raise IndexError(f"an index must be a whole number from 0 to {count - 1}")
    return found
''',
    "pick": '''
def pick(table, index):
    """The entry of each list that its index tells."""
    return torch.take_along_dim(table, whole(index, table.shape[-1])[..., None], -1)[..., 0]
''',
    "look_up": '''
def look_up(table, index):
    """The rows of the table that the indices tell."""
    return table[whole(index, len(table))]
''',
}

_TORCH_LOAD = '''
def load(path=None):
    """The Model with the weights of the file, in use: model.train() sets it to training."""
    model = Model()
    model.load_state_dict(load_file(path or Path(__file__).with_suffix(".safetensors")))
    return model.eval()
'''


def torch_source(source: Source) -> tuple[str, Lowered]:
    """Returns the file for PyTorch, and the lines that it was written from."""
    names = Identifiers(_TAKEN)
    lowered = lower(source.program, names)
    held = [*lowered.parameters, *lowered.constants]
    writer, body, result = statements(TORCH, lowered, names, {each: f"self.{each.name}" for each in held})
    defined = [line for each in held for line in _torch_attribute(each)]
    arguments = ", ".join(each.name for each in lowered.inputs)
    called = ", ".join(_literal("torch.tensor", each, ", dtype=torch.float64") for each in source.example)
    code = [*_functions(writer), *body]
    functional = ["from torch.nn import functional"] if any("functional." in line for line in code) else []
    lines = [
        *_heading(source, "PyTorch", _TORCH_HOW, _TORCH_DROPS),
        "from pathlib import Path",
        "",
        "import torch",
        "from safetensors.torch import load_file",
        "from torch import nn",
        *functional,
        "",
        *_tables(writer, "torch.tensor"),
        "",
        *_functions(writer),
        "class Model(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        *_indented(defined, 8),
        "",
        f"    def forward(self, {arguments}):",
        *_indented([*body, f"return {result}"], 8),
        "",
        *_helpers(_TORCH_HELPERS, code),
        *_TORCH_LOAD.splitlines(),
        "",
        *_predictions(source, "load()(torch.tensor([features(row) for row in rows], dtype=torch.float64))"),
        "",
        'if __name__ == "__main__":',
        f"    print(load()({called}){_listed(lowered)})",
        "",
    ]
    return "\n".join(lines), lowered


def _torch_attribute(each: Tensor) -> list[str]:
    if each.numbers is None:
        sizes = ", ".join(map(str, each.shape))
        made, told = f"self.{each.name} = nn.Parameter(torch.empty({sizes}, dtype=torch.float64))", _pair(each.labels)
        return [f"{made}  # {told}"] if len(made) + len(told) < 100 else [*comment("#", told), made]
    end = f", dtype=torch.float64).reshape({each.shape}), persistent=False)"
    return _array(f'self.register_buffer("{each.name}", torch.tensor([', each.numbers.reshape(-1).tolist(), f"]{end}")


# -------------------------------------------------------------------- JAX

_JAX_HOW = """The weights are in the .safetensors file of the same name beside this one, in float64.
To run the example: python THIS_FILE. To use it: params = load(), then forward(params, inputs), the examples along the \
first axis.
forward is a pure function: jax.grad, jax.jit, jax.vmap and sharding work on it, and any optimizer takes the dict.
JAX computes in float32 unless you switch its 64-bit mode on, before anything else, by \
jax.config.update("jax_enable_x64", True). This file leaves that to you.
It needs: pip install jax safetensors"""

_JAX_DROPS = (
    "In training pass a random key, forward(params, inputs, key=key), a new one each time; without, nothing is dropped."
)

_JAX_HELPERS = {
    "dropout": '''
def dropout(x, rate, key, number):
    """The numbers with a share of them dropped, and the others scaled up; without a key as they are."""
    if key is None:
        return x
    kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0)
''',
    "pick": '''
def pick(table, index):
    """The entry of each list that its index tells; nan for an index that is no place in it."""
    allowed = (index == jnp.floor(index)) & (index >= 0) & (index < table.shape[-1])
    found = jnp.where(allowed, index, 0).astype(int)
    return jnp.where(allowed, jnp.take_along_axis(table, found[..., None], -1)[..., 0], jnp.nan)
''',
    "look_up": '''
def look_up(table, index):
    """The rows of the table that the indices tell; nan for an index that is no place in it."""
    allowed = (index == jnp.floor(index)) & (index >= 0) & (index < len(table))
    return jnp.where(allowed[..., None], table[jnp.where(allowed, index, 0).astype(int)], jnp.nan)
''',
}

_JAX_LOAD = '''
def load(path=None):
    """The weights of the file, a dict of arrays."""
    found = load_file(path or Path(__file__).with_suffix(".safetensors"))
    return {name: jnp.asarray(array) for name, array in found.items()}
'''


def jax_source(source: Source) -> tuple[str, Lowered]:
    """Returns the file for JAX, and the lines that it was written from."""
    names = Identifiers(_TAKEN)
    lowered = lower(source.program, names)
    writer, body, result = statements(JAX, lowered, names, {e: f'params["{e.name}"]' for e in lowered.parameters})
    arguments = ", ".join(["params", *(each.name for each in lowered.inputs), *(["key=None"] if source.draws else [])])
    called = ", ".join(_literal("jnp.array", each) for each in source.example)
    constants = [line for each in lowered.constants for line in _jax_constant(each)]
    tables = _tables(writer, "np.array")
    stacked = [f"  {each.name} {each.shape}: {_pair(each.labels)}" for each in lowered.parameters]
    lines = [
        *_heading(source, "JAX", _JAX_HOW, _JAX_DROPS),
        "from pathlib import Path",
        "",
        "import jax",
        "import jax.numpy as jnp",
        *(["import numpy as np"] if tables or constants else []),
        "from safetensors.numpy import load_file",
        "",
        *(line for each in ["The entries of params, and which of the model's parameters they hold:", *stacked]
          for line in comment("#", each)),
        "",
        *constants,
        *tables,
        "",
        *_functions(writer),
        f"def forward({arguments}):",
        '    """What the model gives for a batch."""',
        *_indented([*body, f"return {result}"], 4),
        "",
        *_helpers(_JAX_HELPERS, body),
        *_JAX_LOAD.splitlines(),
        "",
        *_predictions(source, "forward(load(), jnp.array([features(row) for row in rows]))"),
        "",
        'if __name__ == "__main__":',
        f"    print(forward(load(), {called}){_listed(lowered)})",
        "",
    ]  # fmt: skip
    unused = {"import jax": "jax."}
    used = "\n".join([*body, *_functions(writer), *_helpers(_JAX_HELPERS, body)])
    return "\n".join(line for line in lines if line not in unused or unused[line] in used), lowered


def _jax_constant(each: Tensor) -> list[str]:
    assert each.numbers is not None
    return _array(f"{each.name} = np.array([", each.numbers.reshape(-1).tolist(), f"]).reshape({each.shape})")


# -------------------------------------------------------------------- what both have


def _heading(source: Source, language: str, how: str, drops: str) -> list[str]:
    """The comment that a file begins with."""
    words = [
        f"{source.title}, written by micrograd_plus for {language}.",
        how,
        *([drops] if source.draws else []),
        *source.notes(),
        f"For one example it must give these numbers: {source.told_example()}",
    ]
    return [*comment("#", "\n".join(words)), ""]


def _helpers(known: dict[str, str], body: Iterable[str]) -> list[str]:
    """The functions that the statements call, and those that these call."""
    used = "\n".join(body)
    for name in reversed(known):
        if f"{name}(" in used:
            used += known[name]
    return [line for name, text in known.items() if f"{name}(" in used for line in [*text.splitlines(), ""]]


def _predictions(source: Source, outputs: str) -> list[str]:
    """From raw rows of a saved model's table to its answers: what `micrograd-plus predict` does."""
    if source.predictor is None:
        return []
    columns = [(*each[:1], each.words and list(each.words), *each[2:]) for each in columns_of(source.predictor)]
    words: list[tuple[str, list[Any]]] = [
        ("COLUMNS", columns),
        ("CLASSES", list(source.predictor.classes)),
        ("EMPTY", sorted(MISSING)),
    ]
    lines = [
        "",
        "# Of each column: its name; its words, or None for numbers; what stands for an empty number; a flag for that.",
        "# EMPTY is what a cell may hold, in small or large letters, for nothing.",
    ]
    for name, value in words:
        lines += _array(f"{name} = [", value, "]", ascii)
    answer = "[found if isinstance(found, list) else float(found) for found in y]"
    if source.predictor.classes:
        answer = "[CLASSES[max(range(len(found)), key=found.__getitem__)] for found in y]"
        if not isinstance(source.expected, list):
            answer = f"[CLASSES[int(found > {source.predictor.threshold!r})] for found in y]"
    return [*lines, *_PREDICT.splitlines(), f"    y = {outputs}.tolist()", f"    return {answer}", ""]


_PREDICT = '''

def word_of(cell):
    """A cell as a word: 1, 1.0 and 01 are one word, as they are one number."""
    try:
        number = float(cell.replace("\\u2212", "-"))
    except ValueError:
        return cell
    if "_" in cell or number - number != 0:  # nan, or infinite
        return cell
    return str(int(number)) if number.is_integer() else repr(number)


def features(row):
    """The numbers of a row, a dict of a cell for each column: each word has a place of its own, with 1 or 0 in it."""
    found = []
    for name, words, mean, flag in COLUMNS:
        cell = "" if row[name] is None else str(row[name]).strip()
        empty = cell.lower() in EMPTY
        if empty and mean is None and "(empty)" not in (words or []):
            raise ValueError(f"the cell of column {name!r} is empty, and the model was trained without such rows")
        if words is not None:
            found += [float(word == ("(empty)" if empty else word_of(cell))) for word in words]
        else:
            found += [mean if empty else float(cell), *([float(empty)] if flag else [])]
    return found


def predict(rows):
    """What the model says of each row, a dict of a cell for each column: the name of a class, or a number."""\
'''


def _tables(writer: Writer, made_by: str) -> list[str]:
    """The tables of places, at the top of the file."""
    lines = []
    for (shape, places), name in writer.tables.items():
        lines += _array(f"{name} = {made_by}([", places, f"]).reshape({shape})" if len(shape) != 1 else "])")
    return lines


def _array(begin: str, numbers: Sequence[Any], end: str, spelled: Any = repr) -> list[str]:
    """Many numbers on lines of a bearable length."""
    texts = [_NOT_FINITE.get(spelled(each), spelled(each)) for each in numbers]
    if len(begin) + len(", ".join(texts)) + len(end) < 110:
        return [f"{begin}{', '.join(texts)}{end}"]
    return [begin, *(f"    {line}" for line in packed(texts, ", ")), end]


_NOT_FINITE = {"inf": 'float("inf")', "-inf": '-float("inf")', "nan": 'float("nan")'}


def _functions(writer: Writer) -> list[str]:
    """The functions that have slopes of their own."""
    return [line for _, lines in writer.functions.values() for line in [*lines, "", ""]]


def _literal(made_by: str, numbers: Any, end: str = "") -> str:
    """A batch of one example."""
    return f"{made_by}([{numbers!r}]{end})"


def _listed(lowered: Lowered) -> str:
    return ".tolist()" if isinstance(lowered.outputs, Part) else ""


def _indented(lines: Iterable[str], by: int) -> list[str]:
    return [" " * by + line if line else line for line in lines]


def _pair(labels: tuple[str, str]) -> str:
    first, last = map(remark, labels)
    return f"{first} to {last}" if first != last else first
