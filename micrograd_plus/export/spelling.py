"""Words that are safe in another language's file: names, comments, texts. They may come from anybody's data."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

__all__ = ["Identifiers", "c_text", "comment", "packed", "remark"]


class Identifiers:
    """Gives every array a name of its own: ASCII letters, digits and underscores, and none that is `taken`.

    >>> names = Identifiers(["torch"])
    >>> names.unique("x"), names.unique("x"), names.unique("torch"), names.unique("größe")
    ('x', 'x_2', 'torch_2', 'gr_f6_df_e')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = dict.fromkeys([*taken, *keyword.kwlist], 1)

    def unique(self, name: str) -> str:
        """Returns the name, with a number behind it if it is taken; it is taken from now on."""
        plain = re.sub(r"[^\x00-\x7f]", lambda found: f"_{ord(found[0]):x}_", name)
        plain = re.sub(r"\W+", "_", re.sub(r"__+", "_", plain), flags=re.ASCII).strip("_")
        plain = found = plain if re.match(r"[A-Za-z]", plain) else f"n_{plain}".rstrip("_")
        while found in self.taken:
            self.taken[plain] += 1
            found = f"{plain}_{self.taken[plain]}"
        self.taken[found] = 1
        return found


def remark(text: str) -> str:
    r"""Returns a text as it may stand in a comment of any of the languages: on one line, in ASCII, ending nothing.

    >>> remark("size\nimport os"), remark("*/ int x;"), remark("??/")
    ('size\\nimport os', '* / int x;', '? ?/')
    """
    plain = text.encode("unicode_escape").decode()
    while "??" in plain or "*/" in plain:  # a trigraph, and the end of a comment in C
        plain = plain.replace("??", "? ?").replace("*/", "* /")
    return plain if not plain.endswith("\\") else f"{plain} "


def packed(items: Iterable[str], between: str, width: int = 100) -> list[str]:
    """Returns lines of at most so many characters, if no item is longer, which end in what stands `between` items.

    >>> packed(["1.5", "2.5", "3.5"], ", ", 9)
    ['1.5, 2.5,', '3.5']
    """
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(between) + len(item) <= width:
            lines[-1] += between + item
        else:
            lines[-1:] = [f"{line}{between.rstrip()}" for line in lines[-1:]] + [item]
    return lines or [""]


def comment(sign: str, words: str) -> list[str]:
    """Returns a comment as lines, each after the sign; what is in the words can't end it.

    >>> comment("#", "one line")
    ['# one line']
    """
    lines = [line for each in words.split("\n") for line in packed(remark(each).split(" "), " ", 110)]
    return [f"{sign} {line}".rstrip(" ") + ("." if line.rstrip(" ").endswith("\\") else "") for line in lines]


def c_text(text: str) -> str:
    r"""Returns a text as a string of C, in UTF-8: what is not a plain letter, digit or sign is written by its number.

    >>> c_text('a"b\\ ??/'), c_text("é")
    ('"a\\042b\\134 \\077\\077/"', '"\\303\\251"')
    """
    plain = re.compile(r"[A-Za-z0-9 .,;:_+*/=()<>!%&|'#~^$@{}\[\]-]")
    return '"' + "".join(chr(b) if b < 128 and plain.match(chr(b)) else f"\\{b:03o}" for b in text.encode()) + '"'
