"""The arithmetic of rows: what is a view, and what must be taken one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus.compiler.runtime import view
from micrograd_plus.compiler.views import View, common_grid, unique_rows, view_of


@given(st.integers(0, 9), st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), min_size=1, max_size=3))
def test_a_view_has_the_rows_that_it_was_found_in(start, axes):
    shape = tuple(size for size, _ in axes)
    rows = np.full(shape, start)
    for axis, (size, stride) in enumerate(axes):
        rows = rows + (np.arange(size) * stride).reshape([-1 if i == axis else 1 for i in range(len(axes))])
    found = view_of(rows)
    assert found is not None
    buffer = np.arange(200.0).reshape(100, 2)
    assert np.array_equal(view(buffer, found.start, found.shape, found.strides), buffer[rows])
    if found.is_injective:  # it may say no where it does not know
        assert len(np.unique(rows)) == rows.size
    if found.is_block:
        assert np.array_equal(rows.reshape(-1), np.arange(start, start + rows.size))


def test_rows_without_a_rule_are_no_view():
    assert view_of(np.array([0, 1, 3])) is None
    assert view_of(np.array([[0, 1], [2, 4]])) is None


def test_a_grid_splits_where_operands_repeat():
    assert common_grid([np.arange(12), np.repeat([7, 9, 11], 4)]) == (3, 4)
    assert common_grid([np.arange(12), np.tile([7, 9, 11], 4)]) == (4, 3)
    assert common_grid([np.arange(12), np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])]) == (12,)
    assert common_grid([np.array([5])]) == (1,)


def test_a_matrix_joins_rows_and_examples():
    buffer = np.arange(24.0).reshape(12, 2)
    joined = view(buffer, 1, (2, 3), (5, 1)).reshape(2, 3 * 2)
    assert np.array_equal(joined, buffer[[[1, 2, 3], [6, 7, 8]]].reshape(2, 6)) and np.shares_memory(joined, buffer)


def test_unique_rows_finds_equal_lines():
    table = np.array([[1, 2], [3, 4], [1, 2], [2, 1]])
    first, which = unique_rows(table)
    assert np.array_equal(table[first][which], table) and len(first) == 3


def test_a_repeated_row_is_not_injective():
    assert not View(0, (2, 3), (0, 1)).is_injective
    assert View(0, (2, 3), (1, 2)).is_injective
    assert not View(0, (3, 3), (1, 2)).is_injective
