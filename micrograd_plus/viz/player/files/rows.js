/* What the rows need: errors where Python's arithmetic raises, and sums over a group. */

class Refused extends RangeError {
  constructor(why) {
    super(why);
    this.why = why;
  }
}

const check = (f, infinite) => (...xs) => {
  const y = f(...xs);
  if (Number.isNaN(y) && !xs.some(Number.isNaN)) throw new Refused("undefined");
  if (abs(y) === Infinity && xs.every(Number.isFinite)) throw new Refused(f.name === "pow" && xs[0] !== 0 ? "large" : infinite);
  return y;
};

const divided = (x, y) => {
  if (y === 0) throw new Refused("undefined");
  return x / y;
};

const over = (start, join) => (count, term) => {
  let whole = start;
  for (let k = 0; k < count; k++) whole = join(whole, term(k));
  return whole;
};
const sumOf = over(0, (x, y) => x + y), maxOf = over(-Infinity, max), minOf = over(Infinity, min);

/* The value and the derivatives by all operands in order, and what the engine refuses. */
function at(row, operands) {
  const out = row.value(...operands);
  if (Number.isNaN(out)) throw new Refused("undefined");
  if (!Number.isFinite(out) && operands.flat().every(Number.isFinite)) throw new Refused("large");
  try {
    const partials = Object.values(row.partials).flatMap((partial, i) =>
      Array.isArray(operands[i]) ? operands[i].map((_, j) => partial(out, ...operands, j)) : partial(out, ...operands));
    return {out, partials};
  } catch (error) {
    throw error.why === "large" ? new Refused("steep") : error;
  }
}

function finished(rows) {
  for (const row of Object.values(rows)) row.at = (...operands) => at(row, operands);
  return rows;
}
