/* Numbers as lengths and as colours. */

/** A linear scale from a range of numbers to a range of pixels. */
const scale = ([low, high], [from, to]) => (x) => from + ((x - low) / (high - low || 1)) * (to - from);

/** A number, or the end of its range that it goes beyond. */
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

/** Some round numbers within a range. */
function ticks([low, high], count) {
  const rough = (high - low) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(Number((i * step).toPrecision(6)));
  return found;
}

/* A colour is read from the page's style, so that it has one home; it is mixed by its three parts, red, green and blue. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--mp-${name}`).trim();
const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const mix = (under, over, share) => under.map((part, i) => part + (over[i] - part) * share);
