"""The loop of training, as it ran: epochs of batches, and for each batch forward, backward and one update, counted."""

from __future__ import annotations

import html
from collections import Counter
from itertools import groupby, pairwise
from typing import Any, ClassVar, NamedTuple

from micrograd_plus.checks import counted, whole_number
from micrograd_plus.report import Report, Table
from micrograd_plus.train.callbacks import Callback, Run
from micrograd_plus.viz import palette
from micrograd_plus.viz.layout import finished, render
from micrograd_plus.viz.picture import Picture, scrolling
from micrograd_plus.viz.svg import Element, written
from micrograd_plus.words import number

__all__ = ["Batch", "TrainingLoop"]

ACROSS, SAMPLES = 6, 24  # the samples of a batch that stand side by side, and those drawn; the rest is counted


class Batch(NamedTuple):
    """One batch through the network: its epoch and number, both from 1, its rows, its mean loss before the update."""

    epoch: int
    iteration: int
    rows: tuple[int, ...]
    loss: float


class TrainingLoop(Picture, Report, Callback):
    """Writes down what a run did, iteration by iteration: `fit(..., callbacks=[loop])`, then show the loop.

    `iterations` holds all of it; `str()` is the account (batches, updates and samples of each epoch), `svg()` the
    picture of the first `epochs` epochs, and of the first `batches` batches in each. Raises ValueError for a number
    below 1.

    >>> from micrograd_plus.data import line
    >>> from micrograd_plus.nn import MLP
    >>> from micrograd_plus.train import fit
    >>> loop = TrainingLoop()
    >>> history = fit(MLP(1, [1]), line(10), epochs=2, batch_size=4, callbacks=[loop], progress=False)
    >>> print(loop)
    10 samples in batches of 4: 3 updates an epoch, since 10 / 4 = 2.5
    <BLANKLINE>
    epoch  batches  their sizes  updates so far  samples seen  each sample
    -----  -------  -----------  --------------  ------------  -----------
        1        3  4, 4, 2                   3            10  once
        2        3  4, 4, 2                   6            20  once
    """

    kind = "the picture of a loop"
    forms: ClassVar = {".svg": "svg", ".png": "png"}

    def __init__(self, *, epochs: int = 2, batches: int = 5) -> None:
        self.epochs_shown = whole_number("epochs, those that are drawn,", epochs, least=1)
        self.batches_shown = whole_number("batches, those that are drawn of an epoch,", batches, least=1)
        self.samples = 0
        self.iterations: list[Batch] = []

    def on_start(self, run: Run) -> None:
        """Begins anew."""
        self.samples, self.iterations = len(run.data), []

    def on_iteration(self, run: Run) -> None:
        """Writes the iteration down."""
        self.iterations.append(Batch(run.epoch, run.iteration, tuple(run.rows), run.loss))

    def epochs(self) -> list[list[Batch]]:
        """Returns the iterations of each epoch."""
        return [list(each) for _, each in groupby(self.iterations, key=lambda iteration: iteration.epoch)]

    def title(self) -> str:
        """Returns the sum that the account begins with."""
        if not self.iterations:
            return "no iteration yet: pass the loop to fit(..., callbacks=[loop])"
        size = max(len(each.rows) for each in self.iterations)
        updates = len(self.epochs()[0])
        exact = f"{self.samples} / {size} = {number(self.samples / size)}"
        return f"{self.samples} samples in batches of {size}: {updates} updates an epoch, since {exact}"

    def parts(self) -> list[str | Table]:
        """Returns the account: a row for each epoch, of many the first ones and the last."""
        rows, seen = [], 0
        for epoch in self.epochs():
            sizes = [len(each.rows) for each in epoch]
            seen += sum(sizes)
            last = epoch[-1]
            numbers = [str(each) for each in (last.epoch, len(epoch), _sizes(sizes), last.iteration, seen)]
            rows.append((*numbers, self._often(epoch)))
        headers = ("epoch", "batches", "their sizes", "updates so far", "samples seen", "each sample")
        shown = rows if len(rows) <= 12 else [*rows[:10], ("…",) * len(headers), rows[-1]]
        return [Table(headers, tuple(shown), numeric=(0, 1, 3, 4))]

    def _often(self, epoch: list[Batch]) -> str:
        """How often each sample was in an epoch."""
        counts = Counter(row for each in epoch for row in each.rows)
        missed = self.samples - len(counts)
        once = "once" if set(counts.values()) == {1} else f"up to {max(counts.values())} times"
        return f"{once}, but for {missed} left out" if missed else once

    def svg(self) -> str:
        """Returns the picture of the loop. Raises ValueError before a run, LayoutError without a layout engine."""
        return written(self._tree())

    def _tree(self) -> Element:
        drawn = render(self._dot(), "svg")
        return finished(drawn, "The loop of training", self.title(), {}, dark=True, prefix="loop-")

    def _shown(self) -> dict[str, str]:
        tree = self._tree()
        return {"text/html": scrolling(tree), "image/svg+xml": written(tree)}

    def png(self) -> bytes:
        """Returns the picture as a PNG at 144 dots an inch. Raises what `svg` raises."""
        return render(self._dot(), "png")

    def _dot(self) -> str:
        from graphviz import Digraph

        if not self.iterations:
            raise ValueError("there is no loop to draw yet: pass it to fit(..., callbacks=[loop]) first")
        drawing = Digraph("training_loop")
        drawing.attr("graph", rankdir="LR", bgcolor=palette.background.light, nodesep="0.2", ranksep="0.25", pad="0.1")
        drawing.attr("node", shape="plain", fontname="Arial", fontsize="11", fontcolor=palette.text.light)
        drawing.attr("edge", color=palette.border.light, arrowsize="0.6")
        epochs = self.epochs()
        # Clusters without an edge between them are stacked from the bottom up.
        for place, epoch in reversed(list(enumerate(epochs[: self.epochs_shown]))):
            self._epoch(drawing, place, epoch)
        more = len(epochs) - self.epochs_shown
        if more > 0:
            words = f"… and {counted(more, 'more epoch')}: {len(self.iterations)} updates in all"
            look = {"fontname": "Arial", "fontsize": "12", "fontcolor": palette.muted.light}
            drawing.attr("graph", label=f"<{words}>", labelloc="b", labeljust="l", **look)
        return str(drawing.source)

    def _epoch(self, drawing: Any, place: int, epoch: list[Batch]) -> None:
        with drawing.subgraph(name=f"cluster_{place}") as cluster:
            often = self._often(epoch)
            cluster.attr(
                label=f"<<B>Epoch {epoch[0].epoch}</B>: each of the {self.samples} samples {often}>",
                fontname="Arial", fontsize="13", fontcolor=palette.text.light, labeljust="l", style="rounded",
                color=palette.border.light, margin="12",
            )  # fmt: skip
            names = []
            for each in epoch[: self.batches_shown]:
                names.append(f"i{each.iteration}")
                cluster.node(names[-1], f"<{_card(each)}>")
            left = len(epoch) - len(names)
            if left:
                names.append(f"more{place}")
                cluster.node(names[-1], f"… {left} more", fontcolor=palette.muted.light)
            for before, after in pairwise(names):
                cluster.edge(before, after)


def _sizes(sizes: list[int]) -> str:
    """The sizes of an epoch's batches; equal ones in a row of more than five are counted."""
    if len(sizes) <= 5:
        return ", ".join(map(str, sizes))
    runs = [(size, len(list(group))) for size, group in groupby(sizes)]
    return ", ".join(f"{count} of {size}" for size, count in runs)


def _card(each: Batch) -> str:
    """One iteration as an HTML-like table: its samples, and what is done with them, in order."""
    roles = palette.ROLES
    steps = [
        (f"forward × {len(each.rows)}", roles["input"]),
        (f"mean loss {html.escape(number(each.loss))}", roles["loss"]),
        (f"backward × {len(each.rows)}", roles["loss"]),
        (f"<B>update {each.iteration}</B>", roles["parameter"]),
    ]
    rows = [
        f'<TD BORDER="0"><B>Iteration {each.iteration}</B>: one batch</TD>',
        f'<TD BORDER="0">{_squares(each.rows)}</TD>',
        *(f'<TD BORDER="0" BGCOLOR="{role.fill.light}" WIDTH="120">{words}</TD>' for words, role in steps),
    ]
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    frame = f'BORDER="1" CELLBORDER="0" COLOR="{palette.border.light}"'
    return f'<TABLE {frame} CELLSPACING="3" CELLPADDING="3">{body}</TABLE>'


def _squares(rows: tuple[int, ...]) -> str:
    """The numbers of a batch's samples, each in its square."""
    role = palette.ROLES["input"]
    look = f'BORDER="1" COLOR="{role.line.light}" BGCOLOR="{palette.background.light}"'
    cells = [f'<TD {look} WIDTH="24" HEIGHT="20" FIXEDSIZE="TRUE">{row}</TD>' for row in rows[:SAMPLES]]
    lines = [cells[i : i + ACROSS] for i in range(0, len(cells), ACROSS)]
    body = "".join(f"<TR>{''.join(line)}</TR>" for line in lines)
    if len(rows) > SAMPLES:
        body += f'<TR><TD BORDER="0" COLSPAN="{ACROSS}">and {len(rows) - SAMPLES} more</TD></TR>'
    return f'<TABLE BORDER="0" CELLSPACING="2" CELLPADDING="2">{body}</TABLE>'
