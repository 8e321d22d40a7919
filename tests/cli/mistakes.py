"""Files that are wrong, each in its own way, for the commands of `mistakes.txt`."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

from micrograd_plus.cli import main

ROWS = 12


def _column(cells: list[str], name: str = "x") -> bytes:
    """A table of a column that is wrong, and a target that is not."""
    lines = [f'"{name}",y', *(f'"{cell}",{row}.5' for row, cell in enumerate(cells))]
    return "\n".join(lines).encode()


def _pets() -> str:
    draw = random.Random(0)
    rows = [f"{draw.uniform(3, 40):.2f},{draw.uniform(20, 160):.1f},{pet},{draw.uniform(900, 2000):.2f}"
            for pet in ("cat", "dog", "emu") * 10]  # fmt: skip
    return "\n".join(["weight,height,pet,price", *rows, ""])


PETS = _pets()
NUMBERS = [str(row) for row in range(ROWS)]

FILES: dict[str, bytes] = {
    "pets.csv": PETS.encode(),
    "semicolons.csv": PETS.replace(",", ";").encode(),
    "tabs.csv": PETS.replace(",", "\t").encode(),
    "empty.csv": b"",
    "header.csv": b"a,b\n",
    "bare.csv": b"1,2\n3,4\n",
    "latin.csv": "größe,b\n1,4\n".encode("latin-1"),
    "utf16.csv": "a,b\n1,4\n".encode("utf-16"),
    "zero.csv": b"a,y\n1,\x004\n",
    "doubled.csv": b"a,a,b\n1,2,3\n",
    "unnamed.csv": b",a,b\n0,2,3\n",
    "ragged.csv": b"a,b,c\n1,2,3\n4,5\n",
    "long.csv": b"a,b,c\n1,2,3\n4,5,6,7\n",
    "quote.csv": b'a,b\n1,"2\n3,4\n',
    "mixed.csv": b"pet,price\n1,2.5\ncat,3\n4,4.5\n",
    "gaps.csv": b"x,void,y\n1,,1.5\n,,2.5\n3,,3.5\n4,,4.5\n",
    "holes.csv": b"a,b,y\n1,,1.5\n,2,2.5\n3,,3.5\n4,,4.5\n",
    "commas.csv": _column([f"{row},5" for row in range(ROWS)]),
    "thousands.csv": _column([f"{row + 1},500" for row in range(ROWS)]),
    "money.csv": _column(["$5", "$7", "€6", *NUMBERS]),
    "spaces.csv": _column([f"{row + 1} 500" for row in range(ROWS)]),
    "dates.csv": _column([f"2024-05-{row + 10}" for row in range(ROWS)], "day"),
    "huge.csv": _column([f"1234567890123456789{row:02}" for row in range(ROWS)]),
    "beyond.csv": _column(["1e400", *NUMBERS]),
    "infinite.csv": _column(["-inf", *NUMBERS]),
    "same.csv": _column(["7"] * ROWS),
    "one_class.csv": b"x,y\n1,a\n2,a\n3,a\n",
    "each.csv": b"x,code\n" + b"".join(b"%d,c%d\n" % (row, row) for row in range(ROWS)),
    "halfnumber.csv": b"x,y\n1,2.5\n2,high\n3,4.5\n",
    "one_row.csv": b"x,y\n1,2.5\n",
    "one_column.csv": b"y\n1.5\n2.5\n",
    "book.xlsx": b"PK\x03\x04...",
    "old.xls": b"\xd0\xcf\x11\xe0...",
    "table.parquet": b"PAR1...",
    "table.feather": b"ARROW1..",
    "store.h5": b"\x89HDF\r\n",
    "base.sqlite": b"SQLite format 3\0...",
    "packed.bz2": b"BZh91AY...",
    "packed.xz": b"\xfd7zXZ\0...",
    "cut.csv.gz": gzip.compress(PETS.encode(), mtime=0)[:60],
    "paper.pdf": b"%PDF-1.7\n",
    "x.csv": b"name,weight,height\nRex,4,25\n",
    "other.csv": b"name,wait,size\nRex,4,25\n",
    "text.csv": b"weight,height\n4,tall\n",
    "strange.csv": b"weight,height,pet\n4,25,unicorn\n",
    "untold.csv": b"weight,height,pet\n4,25,\n",
}


def make(folder: Path) -> None:
    """Writes the files, and models that were trained on some, into `folder`, where the process is."""
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    (folder / "occupied" / "model.json").mkdir(parents=True)
    os.symlink("x.csv", folder / "soft.csv")
    os.link(folder / "x.csv", folder / "hard.csv")
    (folder / "small.csv").write_text("x,kind,y\n" + "".join(f"{row},{'ab'[row % 2]},{row}.5\n" for row in range(9)))
    (folder / "four.csv").write_text("".join(f"{row},{row % 3},{row % 2},{row}.5\n" for row in range(9)))
    once = ["--epochs", "1", "--hidden", "-o"]
    pets = ["--data", "pets.csv", "--target", "pet", "--drop", "price"]
    assert main(["train", *pets, *once, "pets"]) == main(["train", "--data", "iris", *once, "done"]) == 0
    assert main(["train", "--data", "line", *once, "line"]) == 0
    small = ["--data", "small.csv", "--target", "y", "--missing", "refuse"]
    bare = ["--data", "four.csv", "--no-header", "--target", "3", "--drop", "0"]
    assert main(["train", *small, *once, "words"]) == main(["train", *bare, *once, "bare"]) == 0
    for name in ("pets", "line", "words", "bare"):
        (folder / name / "model.json").rename(folder / f"{'model' if name == 'pets' else name}.json")
    (folder / "cut.json").write_bytes((folder / "model.json").read_bytes()[:500])
    (folder / "broken").mkdir()
    (folder / "broken" / "checkpoint.json").write_text("{}")
