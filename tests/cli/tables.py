"""Thirty small tables of the same making as public ones, drawn from a seed, each saved with another quirk."""

from __future__ import annotations

import csv
import gzip
import io
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Cell = float | int | str | None
Row = dict[str, Cell]
N = 400


def _pick(draw: random.Random, logits: dict[str, float]) -> str:
    """A word, each as likely as the exponential of its number."""
    return draw.choices([*logits], [math.exp(each) for each in logits.values()])[0]


def _gaps(draw: random.Random, rows: list[Row], column: str, share: float = 0.08) -> list[Row]:
    for row in rows:
        if draw.random() < share:
            row[column] = None
    return rows


def penguins(draw: random.Random) -> tuple[list[Row], str]:
    """Three species by their bills, flippers and island; some measures are missing."""
    rows: list[Row] = []
    for _ in range(N):
        species, bill, depth, mass = draw.choice(
            [("Adelie", 39, 18, 3700), ("Chinstrap", 49, 18, 3730), ("Gentoo", 47, 15, 5080)]
        )
        island = _pick(
            draw, {"Torgersen": 2.0 * (species == "Adelie"), "Dream": 0.0, "Biscoe": 2.0 * (species == "Gentoo")}
        )
        length, depth = round(draw.gauss(bill, 3), 1), round(draw.gauss(depth, 1.5), 1)
        rows.append({"island": island, "bill_length_mm": length, "bill_depth_mm": depth, "species": species,
                     "body_mass_g": round(draw.gauss(mass, 400)), "sex": draw.choice(["male", "female"])})  # fmt: skip
    return _gaps(draw, _gaps(draw, rows, "sex"), "body_mass_g"), "species"


def passengers(draw: random.Random) -> tuple[list[Row], str]:
    """Who survived, by class, sex, age and fare, beside names and numbers that tell people apart."""
    rows: list[Row] = []
    for i in range(N):
        sex, travel, age = draw.choice(["male", "female"]), draw.choice([1, 2, 3]), round(draw.uniform(1, 75), 1)
        logit = 2.2 * (sex == "female") - 0.9 * (travel - 2) - 0.02 * (age - 30) - 1
        rows.append({"PassengerId": i + 1, "Pclass": travel, "Name": f"Doe, Mr. {i}", "Sex": sex, "Age": age,
                     "Fare": round(draw.lognormvariate(3.4 - 0.5 * travel, 0.4), 2), "Embarked": draw.choice("SCQ"),
                     "Survived": int(draw.random() < 1 / (1 + math.exp(-2 * logit)))})  # fmt: skip
    return _gaps(draw, rows, "Age", 0.2), "Survived"


def tips(draw: random.Random) -> tuple[list[Row], str]:
    """A tip by the bill, the day and the party."""
    rows: list[Row] = []
    for _ in range(N):
        bill, size, smoker = round(draw.uniform(5, 50), 2), draw.randint(1, 6), draw.choice(["Yes", "No"])
        tip = 0.5 + 0.12 * bill + 0.3 * size - 0.4 * (smoker == "Yes") + draw.gauss(0, 0.5)
        rows.append({"total_bill": bill, "smoker": smoker, "day": draw.choice(["Thur", "Fri", "Sat", "Sun"]),
                     "size": size, "tip": round(tip, 2)})  # fmt: skip
    return rows, "tip"


def cars(draw: random.Random) -> tuple[list[Row], str]:
    """How far a car goes on a gallon, by its weight, power, year and origin."""
    rows: list[Row] = []
    for i in range(N):
        weight, year, origin = draw.uniform(1600, 5000), draw.randint(70, 82), draw.choice(["usa", "europe", "japan"])
        power = 40 + 0.025 * weight + draw.gauss(0, 12)
        mpg = 55 - 0.007 * weight - 0.04 * power + 0.6 * (year - 76) + 2 * (origin == "japan") + draw.gauss(0, 1.5)
        rows.append({"mpg": round(mpg, 1), "horsepower": round(power), "weight": round(weight), "model_year": year,
                     "origin": origin, "name": f"model {i}"})  # fmt: skip
    return _gaps(draw, rows, "horsepower", 0.03), "mpg"


def diamonds(draw: random.Random) -> tuple[list[Row], str]:
    """The price of a stone by its weight, cut and colour."""
    rows: list[Row] = []
    for _ in range(N):
        carat, cut, color = (
            round(draw.uniform(0.2, 2.5), 2),
            draw.choice(["Fair", "Good", "Ideal"]),
            draw.choice("DEFG"),
        )
        price = 300 + 4000 * carat**1.6 * {"Fair": 0.8, "Good": 1, "Ideal": 1.15}[cut] - 150 * "DEFG".index(color)
        rows.append({"carat": carat, "cut": cut, "color": color, "depth": round(draw.gauss(61.7, 1.4), 1),
                     "price": round(price * draw.lognormvariate(0, 0.05) + 500)})  # fmt: skip
    return rows, "price"


def wine(draw: random.Random) -> tuple[list[Row], str]:
    """A wine's grade by what is in it."""
    rows: list[Row] = []
    for _ in range(N):
        alcohol, acid, sugar = draw.gauss(10.5, 1.1), draw.gauss(0.5, 0.15), draw.lognormvariate(0.9, 0.3)
        grade = 1.2 * (alcohol - 10.5) - 6 * (acid - 0.5) + 0.3 * (sugar - 2.5) + draw.gauss(0, 0.5)
        rows.append({"fixed acidity": round(draw.gauss(8, 1.5), 1), "volatile acidity": round(acid, 3),
                     "residual sugar": round(sugar, 2), "chlorides": round(draw.uniform(-0.1, 0.1), 3),
                     "alcohol": round(alcohol, 1), "quality": 5 + (grade > -0.6) + (grade > 0.9)})  # fmt: skip
    return rows, "quality"


def houses(draw: random.Random) -> tuple[list[Row], str]:
    """The price of a house by its area, rooms, and what it has."""
    rows: list[Row] = []
    for _ in range(N):
        area, rooms, garden, heating = (
            draw.uniform(30, 250),
            draw.randint(1, 7),
            draw.choice(["yes", "no"]),
            draw.choice(["gas", "oil", "pump"]),
        )
        price = 40000 + 1500 * area + 9000 * rooms + 30000 * (garden == "yes") + 20000 * (heating == "pump")
        rows.append({"sold": f"2023-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}", "area": round(area, 1),
                     "rooms": rooms, "garden": garden, "heating": heating, "country": "here",
                     "price": round(price + draw.gauss(0, 12000))})  # fmt: skip
    return rows, "price"


def churn(draw: random.Random) -> tuple[list[Row], str]:
    """Which customers leave, by their contract and charges."""
    rows: list[Row] = []
    for i in range(N):
        months, contract, charge = (
            draw.randint(1, 70),
            draw.choice(["Month-to-month", "One year", "Two year"]),
            draw.uniform(20, 110),
        )
        logit = (
            1.5 * (contract == "Month-to-month")
            - 1.2 * (contract == "Two year")
            - 0.04 * (months - 35)
            + 0.02 * (charge - 65)
        )
        rows.append({"customerID": f"{i:04}-{draw.choice('ABC')}X", "tenure": months, "Contract": contract,
                     "Paperless": draw.choice([True, False]), "MonthlyCharges": round(charge, 2),
                     "TotalCharges": round(months * charge, 2),
                     "Churn": "Yes" if draw.random() < 1 / (1 + math.exp(-2 * logit)) else "No"})  # fmt: skip
    return _gaps(draw, rows, "TotalCharges", 0.03), "Churn"


def diabetes(draw: random.Random) -> tuple[list[Row], str]:
    """Who is ill, by eight measures."""
    rows: list[Row] = []
    for _ in range(N):
        glucose, mass, age = draw.gauss(120, 30), draw.gauss(32, 7), draw.randint(21, 80)
        logit = 0.05 * (glucose - 125) + 0.1 * (mass - 32) + 0.03 * (age - 40)
        rows.append({"pregnancies": draw.randint(0, 10), "glucose": round(glucose),
                     "pressure": round(draw.gauss(70, 12)), "bmi": round(mass, 1),
                     "pedigree": round(draw.uniform(0.1, 2), 3), "age": age,
                     "outcome": int(draw.random() < 1 / (1 + math.exp(-1.5 * logit)))})  # fmt: skip
    return rows, "outcome"


def bikes(draw: random.Random) -> tuple[list[Row], str]:
    """How many bicycles are hired, by the weather and the month, which is a name and no number."""
    rows: list[Row] = []
    for _ in range(N):
        warmth, rain, month = round(draw.uniform(-8, 35), 1), round(draw.uniform(0, 100)), draw.randint(1, 12)
        count = 900 + 110 * warmth - 14 * rain + {3: 500, 7: -900, 11: 700}.get(month, 0) + draw.gauss(0, 250)
        rows.append({"temp": warmth, "humidity": rain, "month": month, "holiday": draw.choice(["true", "false"]),
                     "rentals": round(count, 1)})  # fmt: skip
    return rows, "rentals"


Spell = Callable[[Cell], str]


@dataclass(frozen=True)
class Quirk:
    """How a table is saved, and the options that read it."""

    name: str
    options: Sequence[str] = ()
    delimiter: str = ","
    encoding: str = "utf-8"
    end: str = "\n"
    header: bool = True
    empty: str = ""
    spell: dict[str, Spell] = field(default_factory=dict)
    after: Callable[[str], str] = str
    packed: bool = False
    target: str = ""

    def save(self, rows: list[Row], folder: Path) -> Path:
        """Returns the path of the file, once the rows are in it."""
        text = io.StringIO(newline="")
        quoting = csv.QUOTE_ALL if self.name == "quoted" else csv.QUOTE_MINIMAL
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.end, quoting=quoting)
        if self.header:
            writer.writerow(rows[0])
        for row in rows:
            writer.writerow(
                [self.empty if cell is None else self.spell.get(name, str)(cell) for name, cell in row.items()]
            )
        content = self.after(text.getvalue()).encode(self.encoding)
        path = folder / f"table.csv{'.gz' if self.packed else ''}"
        path.write_bytes(gzip.compress(content) if self.packed else content)
        return path


def _comma(cell: Any) -> str:
    return str(cell).replace(".", ",")


def _minus(cell: Any) -> str:
    return str(cell).replace("-", "\N{MINUS SIGN}")


def _lines(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(f"{change(line)}\n" for line in text.splitlines())


TABLES: list[tuple[Callable[[random.Random], tuple[list[Row], str]], Quirk]] = [
    (penguins, Quirk("as pandas saves it")),
    (penguins, Quirk("NA", empty="NA")),
    (penguins, Quirk("rows left out", ["--missing", "drop"], empty="null")),
    (passengers, Quirk("quoted")),
    (passengers, Quirk("a question mark for nothing", empty="?")),
    (passengers, Quirk("the target by its number", target="7", end="\r\n")),
    (tips, Quirk("money", spell={name: lambda cell: f"${cell:.2f}" for name in ("total_bill", "tip")})),
    (tips, Quirk("money after the number", spell={"tip": lambda cell: f"{cell} €"}, encoding="utf-8-sig")),
    (tips, Quirk("tabs", ["--delimiter", "tab"], delimiter="\t")),
    (cars, Quirk("a dash for nothing", empty="-")),
    (cars, Quirk("gzip", packed=True, empty="N/A")),
    (cars, Quirk("old Macintosh", end="\r", empty="NaN")),
    (diamonds, Quirk("thousands", ["--decimal", "."], spell={"price": lambda cell: f"{cell:,}"})),
    (diamonds, Quirk("thousands by points", ["--decimal", ",", "--delimiter", ";"], delimiter=";",
                     spell={"price": lambda cell: f"{cell:,}".replace(",", "."), "carat": _comma, "depth": _comma})),
    (diamonds, Quirk("spaces", after=_lines(lambda line: f" {line.replace(',', ' , ')} "))),
    (wine, Quirk("semicolons", ["--delimiter", ";"], delimiter=";")),
    (wine, Quirk("a minus sign of print", spell={"chlorides": _minus})),
    (wine, Quirk("a comma at each end", after=_lines(lambda line: f"{line},"))),
    (houses, Quirk("a currency's code", spell={"price": lambda cell: f"EUR {cell}"})),
    (houses, Quirk("other dates", spell={"sold": lambda cell: "/".join(str(cell).split("-")[::-1])}, encoding="utf-16",
                   options=["--encoding", "utf-16"])),
    (houses, Quirk("exponents", spell={"area": lambda cell: f"{cell:e}"}, after=lambda text: f"\n{text}\n\n")),
    (churn, Quirk("blanks for nothing", empty=" ")),
    (churn, Quirk("pipes", ["--delimiter", "|"], delimiter="|")),
    (churn, Quirk("Windows", ["--encoding", "cp1252"], encoding="cp1252", end="\r\n",
                  spell={"Contract": lambda cell: f"{cell} – ño"})),
    (diabetes, Quirk("no header", ["--no-header"], header=False, target="6")),
    (diabetes, Quirk("plus signs", spell={"bmi": lambda cell: f"+{cell}"})),
    (diabetes, Quirk("commas at empty lines", after=lambda text: text.replace("\n", "\n,,,,,,\n"))),
    (bikes, Quirk("percent", ["--words", "month"], spell={"humidity": lambda cell: f"{cell}%"})),
    (bikes, Quirk("percent and a space", ["--words", "month"], spell={"humidity": lambda cell: f"{cell} %"})),
    (bikes, Quirk("decimal commas", ["--decimal", ",", "--words", "month"],
                  spell={"temp": _comma, "rentals": _comma})),
]  # fmt: skip


def table(number: int) -> tuple[list[Row], str, Quirk]:
    """Returns the rows of a table of `TABLES` in their plain form, the target, and the quirk it is saved with."""
    make, quirk = TABLES[number]
    rows, target = make(random.Random(number))
    return rows, target, quirk
