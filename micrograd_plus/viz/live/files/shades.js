/* Words for counts, and a theme's colours as ramps of pixels. */

/** A count with its noun: "1 epoch", "2 epochs". */
const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** A share as whole percent. */
const percent = (share) => `${Math.round(100 * share)} %`;

const packed = (parts) => parts.map(Math.round).reduceRight((whole, part) => (whole << 8) | part, 255) >>> 0;

const SHADES = 127;
const FAINTEST = 0.06;
let theme = null;

/** The theme's colours: by name, and as ramps of pixels from the background to each. */
function themed() {
  if (theme) return theme;
  const names = ["background", "text", "muted", "border", "grid", "positive", "negative", ...[1, 2, 3, 4, 5, 6].map((i) => `series-${i}`)];
  theme = { ...Object.fromEntries(names.map((name) => [name, colour(name)])), ramps: {} };
  return theme;
}

addEventListener("themechange", () => { theme = null; });

/** Pixels from the background to a share of a colour. */
function ramp(name, strongest) {
  const { ramps, [name]: over, background } = themed();
  const key = `${name} ${strongest}`;
  ramps[key] ??= Uint32Array.from({ length: SHADES + 1 }, (_, i) =>
    packed(mix(channels(background), channels(over), i ? FAINTEST + (strongest - FAINTEST) * (i / SHADES) : 0)));
  return ramps[key];
}

/** Paints signed numbers, row 0 at the bottom, into a picture of `size` by `size`: blue above zero, orange below. */
function paintSigned(pixels, numbers, size, largest, strongest) {
  const [above, below] = [ramp("positive", strongest), ramp("negative", strongest)];
  const factor = largest > 0 ? SHADES / largest : 0;
  for (let row = 0; row < size; row++) {
    const from = row * size;
    const to = (size - 1 - row) * size;
    for (let i = 0; i < size; i++) {
      const x = numbers[from + i] * factor;
      const shade = Math.min(SHADES, Math.ceil(x < 0 ? -x : x)) | 0;  // not a number: none
      pixels[to + i] = (x < 0 ? below : above)[shade];
    }
  }
}

/** The colour of a class: with two classes that of the sign that speaks for it. */
const classColour = (kind, count) => (count === 2 ? ["negative", "positive"][kind] : `series-${(kind % 6) + 1}`);

/** The colour of a run's curves and boundary: neither of the signs'. */
const runColour = (place) => `series-${[6, 4][place]}`;

/* The sizes of canvases, told by the browser: to ask for one after the page has changed costs a layout. */
const sizes = new WeakMap();
const watcher = new ResizeObserver((entries) => {
  let isChanged = false;
  for (const { target, contentRect: { width, height } } of entries) {
    if (!target.isConnected) { watcher.unobserve(target); continue; }
    const known = sizes.get(target).map(Math.round);
    sizes.set(target, [width, height]);
    isChanged ||= known[0] !== Math.round(width) || known[1] !== Math.round(height);
  }
  if (isChanged) dispatchEvent(new Event("sizechange"));
});

/** Fits a canvas's pixels to its place and to the screen; returns its context, scaled to CSS pixels, and its size. */
function sharp(canvas) {
  if (!sizes.has(canvas)) {
    sizes.set(canvas, [canvas.clientWidth, canvas.clientHeight]);
    watcher.observe(canvas);
  }
  const [width, height] = sizes.get(canvas);
  const dense = Math.min(3, devicePixelRatio || 1);
  const [across, down] = [Math.round(width * dense), Math.round(height * dense)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const pen = canvas.getContext("2d");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** The size of a small text on a canvas, in CSS pixels, and its font. */
const TEXT = 12;
const FONT = `${TEXT}px Arial, "Helvetica Neue", Helvetica, "Liberation Sans", sans-serif`;
