"""What the text in a cell of a table says: a number, a date, the name of a class, or nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Literal

from micrograd_plus.checks import argument

__all__ = [
    "MISSING", "Decimal", "by_size", "is_date", "is_missing", "label_of", "number_of", "unit_of", "what_is_wrong",
    "without_unit",
]  # fmt: skip

Decimal = Literal[".", ","]

MISSING = frozenset(
    {"", "?", "-", "--", "–", "—", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "<na>", "#n/a", "#na", "#value!",
     "#div/0!", "#null!", "#ref!", "nat"}
)  # fmt: skip
"""What programs write into a cell for nothing, in small letters."""

_SIGNS = "[$€£¥₹]|USD|EUR|GBP|CHF|JPY"
_AMOUNT = re.compile(rf"([+-]?)\s*(?:({_SIGNS})\s*)?([+-]?[\d.,'\s]*\d[\d.,'\s]*)(?:\s*({_SIGNS}|%))?")
_CLOCK = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([AaPp][Mm]|Z|[+-]\d{2}:?\d{2})?)?"
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"(\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}})"
    rf"|\d{{1,2}}[- ]{_MONTH}[- ,]+\d{{2,4}}|{_MONTH}[- ]\d{{1,2}},?[- ]\d{{4}}){_CLOCK}|\d{{1,2}}:\d{{2}}(:\d{{2}})?",
    re.IGNORECASE,
)


def is_missing(cell: str) -> bool:
    """Returns whether a cell is empty, or holds one of the marks that programs write for nothing.

    >>> is_missing(""), is_missing("N/A"), is_missing("-"), is_missing("0")
    (True, True, True, False)
    """
    return cell.lower() in MISSING


def is_date(cell: str) -> bool:
    """Returns whether a cell is a day, a time of day, or both.

    >>> is_date("2024-02-29"), is_date("1/31/99 12:30"), is_date("3 Mar 2020"), is_date("2024")
    (True, True, True, False)
    """
    return _DATE.fullmatch(cell) is not None


def number_of(cell: str, decimal: Decimal | None = None) -> float | None:
    """Returns the number that a cell spells, infinities among them, or None.

    1_000 and nan are no numbers here, nor is a whole number with more digits than a float keeps. With `decimal`, the
    character before the fraction, thousands may be set apart too: by the other one of comma and point, by spaces or
    apostrophes.

    >>> number_of("1.5"), number_of("−2"), number_of("1,500"), number_of("1,500", "."), number_of("1.500,5", ",")
    (1.5, -2.0, None, 1500.0, 1500.5)
    """
    text = cell.replace("\N{MINUS SIGN}", "-")
    if decimal is not None:
        text = _ungrouped(text, decimal)
        if decimal == ",":
            text = text.replace(".", " ").replace(",", ".")  # a point that parts no thousands makes it no number
    if "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) or _loses_digits(text, number) else number


def _ungrouped(text: str, decimal: Decimal) -> str:
    """A number without what parts its thousands, where it parts all of them."""
    comma = "," if decimal == "." else "."
    grouped = re.fullmatch(rf"[+-]?\d{{1,3}}(([{comma}'\s])\d{{3}})(\2\d{{3}})*({re.escape(decimal)}\d*)?", text)
    return text.replace(grouped[2], "") if grouped else text


def _loses_digits(text: str, number: float) -> bool:
    if not 2**53 <= abs(number) < math.inf:
        return False
    return re.fullmatch(r"[+-]?\d+", text) is not None and int(text) != int(number)


def unit_of(cells: Iterable[str]) -> str:
    """Returns the sign of money, or %, that all of the cells bear; "" if they bear none, or different ones.

    >>> unit_of(["$5", "$1.50"]), unit_of(["5 %", "7%"]), unit_of(["$5", "€5"]), unit_of(["5", "7%"])
    ('$', '%', '', '')
    """
    units = {_parts(cell)[1] for cell in cells}
    return units.pop() if len(units) == 1 else ""


def without_unit(cell: str) -> str:
    """Returns an amount as a bare number: `-5.20` for `-$5.20`."""
    return _parts(cell)[0]


def _parts(cell: str) -> tuple[str, str]:
    found = _AMOUNT.fullmatch(cell.replace("\N{MINUS SIGN}", "-"))
    if found is None or (found[2] and found[4]):
        return cell, ""
    return f"{found[1]}{found[3].strip()}", found[2] or found[4] or ""


def label_of(cell: str) -> str:
    """Returns a cell as the name of a class: 1, 1.0 and 01 are one class, as they are one number.

    >>> label_of("01"), label_of("cat")
    ('1', 'cat')
    """
    number = number_of(cell)
    if number is None or math.isinf(number):
        return cell
    return str(int(number)) if number.is_integer() else repr(number)


def by_size(label: str) -> tuple[bool, float, str]:
    """Returns the key by which labels are sorted: numbers by size, then texts."""
    number = number_of(label)
    return number is None, number or 0.0, label


def what_is_wrong(cell: str, out: str, empty: str = "fill it in or leave out the line") -> str:
    """Returns why a cell is no number, and the cure; `out` tells how to do without it, `empty` what to do if it is."""
    if is_missing(cell):
        return f"the cell is missing{f' ({cell!r})' if cell else ''}; {empty}"
    if re.fullmatch(r"[+-]?\d{16,}", cell) and math.isfinite(float(cell)):
        return f"{cell!r} has more digits than a number keeps; if it tells rows apart, {out}"
    if number_of(cell) is not None:
        return f"{cell!r} is beyond the range of a number; mend the cell or leave out the line"
    if is_date(cell):
        return f"{cell!r} is a date or a time; write what matters of it as numbers (year, month, hour), or {out}"
    bare = without_unit(cell)
    point, comma = argument("decimal", "."), argument("decimal", ",")
    thousands, fraction = number_of(bare, "."), number_of(bare, ",")
    if thousands is not None and fraction is not None and re.search(r"[.,]", bare):
        without, as_point = bare.replace(",", ""), bare.replace(",", ".")
        either = f", or {as_point!r} if the comma is a decimal point"
        return f"{cell!r} is not a number; write {without!r}, without the comma{either}; or pass {point} or {comma}"
    if thousands is not None and bare != cell:
        return f"{cell!r} is an amount, and not all cells of the column bear its sign; write all in one way, or {out}"
    if thousands is not None:
        parting = "comma" if "," in bare else "mark between thousands"
        return f"{cell!r} is not a number; write {_ungrouped(bare, '.')!r}, without the {parting}, or pass {point}"
    if fraction is not None:
        as_point = _ungrouped(bare, ",").replace(",", ".")
        return f"{cell!r} is not a number; write {as_point!r}, with a point, or pass {comma}"
    return f"{cell!r} is text where a number is needed; mend the cell, or {out}"
