/* Numbers as the engine's texts write them, and texts with places for numbers. */

/** A number with so many significant digits, in plain decimals where a reader would write it so: `words.number` of Python. */
function number(x, digits = 4) {
  const size = Math.abs(x);
  if (!(size >= 10 ** digits && size < 1e7)) return general(x, digits);
  const below = Math.floor(size);
  const near = size - below === 0.5 ? below + below % 2 : Math.round(size);  // a half goes to the even neighbour
  return String(Math.sign(x) * near);
}

/** What Python writes for a format such as `.4g`; 0 has no sign. */
function general(x, digits) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x < 0 ? "-inf" : "inf";
  if (x === 0) return "0";
  const [mantissa, power] = scientific(x, digits);
  const short = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (power >= -4 && power < digits) return short(Number(`${mantissa}e${power}`).toFixed(digits - 1 - power));
  return `${short(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/* The digits and the power of ten. A number that lies half way between two goes to the even one, not up as in toExponential. */
function scientific(x, digits) {
  const [exact, power] = x.toExponential(100).split("e");
  const end = exact.indexOf(".") + digits;
  const down = exact.slice(0, end);
  if (/^50*$/.test(exact.slice(end)) && "02468".includes(down.at(-1))) return [down, Number(power)];
  const [near, at] = x.toExponential(digits - 1).split("e");
  return [near, Number(at)];
}

/** Puts words in the places of a template: `{x}`, and `{(x)}` in brackets if it begins with a minus. */
const fill = (template, words) => template.replace(/\{(\()?(\w+)\)?\}/g, (_, bracketed, name) => {
  const text = words[name];
  return bracketed && text.startsWith("-") ? `(${text})` : text;
});
