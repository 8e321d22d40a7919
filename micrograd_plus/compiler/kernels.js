// What every program is given: products of matrices, and the functions that JavaScript lacks or has otherwise.

const {abs, acos, acosh, asin, asinh, atan, atan2, atanh, ceil, cos, cosh, exp, expm1, floor, hypot, log, log10, log1p,
  log2, max, min, sin, sinh, sqrt, tan, tanh, trunc} = Math;

const square = x => x * x;
const cube = x => x * x * x;
const root = x => sqrt(x === -Infinity ? Infinity : x + 0); // as pow has it, of -inf and -0 too

// As C has it: 1 to any power is 1, and so is -1 to an infinite one.
const pow = (x, y) => x === 1 || (x === -1 && abs(y) === Infinity) ? 1 : x ** y;

// To the nearest whole number, of two as near the even one; the sign of 0 stays.
function round(x) {
  if (!(abs(x) < 4503599627370496)) return x;
  const near = abs(x) + 4503599627370496 - 4503599627370496;
  return x < 0 || Object.is(x, -0) ? -near : near;
}

// The error function: a series without cancellation near 0 (Abramowitz and Stegun 7.1.6), and from 2.5 on the
// continued fraction of 1 - erf (7.1.14), from its far end.
function erf(x) {
  const size = abs(x);
  if (size < 2.5) {
    let term = x, sum = x;
    for (let n = 1; abs(term) > 1e-17 * abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
    return 1.1283791670955126 * exp(-x * x) * sum;
  }
  if (!(size < 6)) return size !== size ? x : x < 0 ? -1 : 1;
  let fraction = size;
  for (let n = 60; n > 0; n--) fraction = size + n / 2 / fraction;
  const rest = exp(-x * x) / fraction * 0.5641895835477563;
  return x < 0 ? rest - 1 : 1 - rest;
}

// The place of an entry among n, from a number.
function pick(x, n) {
  if (x >= 0 && x < n && x === trunc(x)) return x;
  throw new RangeError(`select needs a whole number from 0 to ${n - 1}, but got ${x}`);
}

// out[r][n] += the sum over k of a[r][k] * x[k][n]
function multiply_add(rows, columns, terms, a, ar, ak, x, xk, out, outr) {
  for (let r = 0; r < rows; r++)
    for (let n = 0; n < columns; n++) {
      let sum = out[r * outr + n];
      for (let k = 0; k < terms; k++) sum += a[r * ar + k * ak] * x[k * xk + n];
      out[r * outr + n] = sum;
    }
}

// out[r][n] = the sum over k of a[r][k] * x[k][n]
function multiply(rows, columns, terms, a, ar, ak, x, xk, out, outr) {
  for (let r = 0; r < rows; r++) out.fill(0, r * outr, r * outr + columns);
  multiply_add(rows, columns, terms, a, ar, ak, x, xk, out, outr);
}

// out[r][n] = bias[r] + the sum over k of a[r][k] * x[k][n]
function multiply_affine(rows, columns, terms, a, ar, ak, x, xk, out, outr, bias, biasr) {
  for (let r = 0; r < rows; r++) out.fill(bias[r * biasr], r * outr, r * outr + columns);
  multiply_add(rows, columns, terms, a, ar, ak, x, xk, out, outr);
}

// out[r][k] += the sum over n of d[r][n] * x[k][n]
function outer_add(rows, terms, columns, d, dr, x, xk, out, outr, outk) {
  for (let r = 0; r < rows; r++)
    for (let k = 0; k < terms; k++)
      for (let n = 0; n < columns; n++) out[r * outr + k * outk] += d[r * dr + n] * x[k * xk + n];
}

// out[0] += the sum over k of x[k] * y[k], and = that sum
function multiply_each_add(terms, x, xk, y, yk, out) {
  let sum = out[0];
  for (let k = 0; k < terms; k++) sum += x[k * xk] * y[k * yk];
  out[0] = sum;
}

function multiply_each(terms, x, xk, y, yk, out) {
  out[0] = 0;
  multiply_each_add(terms, x, xk, y, yk, out);
}
