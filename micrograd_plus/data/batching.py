"""An epoch visits every sample exactly once, a batch at a time."""

from __future__ import annotations

from micrograd_plus.checks import rng, whole_number
from micrograd_plus.data.dataset import Dataset, checked_dataset

__all__ = ["batch_indices", "batches", "iterations_per_epoch"]


def iterations_per_epoch(n: int, batch_size: int, drop_last: bool = False) -> int:
    """The number of batches, so of updates, in an epoch over `n` samples: ceil(n / batch_size).

    Where `batch_size` does not divide `n`, the last batch is smaller; with `drop_last` it is left out, and
    the number is floor(n / batch_size). A `batch_size` above `n` makes one batch of all n. Raises TypeError
    for what is not a whole number, ValueError for one below 1 or where `drop_last` would leave nothing.

    >>> iterations_per_epoch(100, 25), iterations_per_epoch(100, 32)
    (4, 4)
    >>> iterations_per_epoch(100, 32, drop_last=True)
    3
    """
    n = whole_number("n, the number of samples,", n, least=1)
    batch_size = whole_number("batch_size", batch_size, least=1)
    full, rest = divmod(n, batch_size)
    if drop_last and not full:
        raise ValueError(
            f"drop_last leaves out the only batch: {n} samples do not fill a batch_size of {batch_size};"
            f" use a batch_size of at most {n}, or drop_last=False"
        )
    return full if drop_last or not rest else full + 1


def batch_indices(
    n: int, batch_size: int, *, shuffle: bool = True, seed: int = 0, drop_last: bool = False, epoch: int = 0
) -> list[list[int]]:
    """The row numbers of each batch of one epoch, as `batches` hands them out.

    The order is a function of `(seed, epoch)` and nothing else, so that training resumed at epoch 7 sees
    the very batches it would have seen without the stop. Raises as `iterations_per_epoch` does.

    >>> batch_indices(5, 2, shuffle=False)
    [[0, 1], [2, 3], [4]]
    """
    count = iterations_per_epoch(n, batch_size, drop_last)
    draw = rng(seed, epoch)
    order = list(range(n))
    if shuffle:
        draw.shuffle(order)
    return [order[batch * batch_size : (batch + 1) * batch_size] for batch in range(count)]


def batches(
    data: Dataset,
    batch_size: int,
    *,
    shuffle: bool = True,
    seed: int = 0,
    drop_last: bool = False,
    epoch: int = 0,
) -> list[Dataset]:
    """The batches of one epoch: `data` in smaller Datasets, every sample in exactly one.

    `batch_size=len(data)` is batch gradient descent, 1 is stochastic, between is mini-batch. Pass the
    number of the `epoch` to shuffle anew in each. With `drop_last`, a last batch that is not full is left
    out (other samples in each epoch, when shuffling). Raises as `iterations_per_epoch` does.

    >>> from micrograd_plus.data import moons
    >>> [len(batch) for batch in batches(moons(100), 32)]
    [32, 32, 32, 4]
    """
    n = len(checked_dataset(data))
    parts = batch_indices(n, batch_size, shuffle=shuffle, seed=seed, drop_last=drop_last, epoch=epoch)
    return [data.take(part) for part in parts]
