/* A loss over one or two weights, and the ways that optimizers take down it.

   `data` has the parameters and examples, `loss` is the compiled loss with its gradient, and `RULES` are the optimizers'
   rules, read from those that run in Python. */

const parameters = Float64Array.from(data.parameters);
const rows = data.examples.length ? data.examples : [[]];
const everyRow = rows.map((_, i) => i);

/* ---- the loss, and its gradient */

/** The loss at some places, a list of weights each: the mean over all examples. */
function heights(places) {
  const width = places[0].length + rows[0].length;
  const inputs = new Float64Array(places.length * rows.length * width);
  let at = 0;
  for (const place of places) for (const row of rows) {
    inputs.set(place, at);
    inputs.set(row, at + place.length);
    at += width;
  }
  const found = loss.forward(parameters, inputs, []);
  if (rows.length === 1) return found;
  return places.map((_, i) => found.subarray(i * rows.length, (i + 1) * rows.length).reduce((sum, each) => sum + each) / rows.length);
}

/** The loss at a place, over all examples, and its gradient there over those that are chosen. */
function slopeAt(place, chosen) {
  const inputs = Float64Array.from(chosen.flatMap((i) => [...place, ...rows[i]]));
  const { outputs, inputs: found } = loss.gradients(parameters, inputs, []);
  const width = inputs.length / chosen.length;
  const height = chosen.length < rows.length ? heights([place])[0] : outputs.reduce((sum, each) => sum + each) / rows.length;
  return [height, place.map((_, weight) => chosen.reduce((sum, _, i) => sum + found[i * width + weight], 0))];
}

/** The examples that step number `t`, from 1, takes: the next of the epoch's order. */
function batchOf(size, t) {
  if (!(size < rows.length)) return everyRow;
  const batches = Math.ceil(rows.length / size);
  const order = data.orders[Math.floor((t - 1) / batches) % data.orders.length];
  const first = ((t - 1) % batches) * size;
  return order.slice(first, first + size);
}

/* ---- a ball's way */

/**
 * The moments of a ball, from a start to the last step, or to where the numbers end: each with the weights `w`, the
 * loss there, the gradient `g` that the next step goes by, the `states` before it and, but for the first, the `lines`
 * that led to it; `end` says why there is none after the last, and is empty if only the steps are over.
 */
function wayOf(ball, start) {
  const rule = RULES[ball.rule];
  let w = [...start];
  let states = w.map(() => Object.fromEntries(rule.states.map((name) => [name, 0])));
  let lines = null;
  const moments = [];
  for (let t = 0; ; t++) {
    const [height, g] = slopeAt(w, batchOf(ball.batch, t + 1));
    moments.push({ w, loss: height, g, lines });
    if (!Number.isFinite(height)) return { moments, end: `the loss is ${number(height)} there, for which the engine raises an error` };
    if (!g.every(Number.isFinite)) return { moments, end: "the gradient is no finite number there, for which the engine raises an error" };
    if (t === data.steps) return { moments, end: "" };
    const told = w.map((weight, i) => ({ ...ball.options, ...states[i], w: weight, g: g[i], t: t + 1, lr: ball.lr }));
    const done = told.map((each) => rule.step(each));
    const end = refused(rule, told, done);
    if (end) return { moments, end };
    w = done.map((each) => each.w);
    states = done.map((each) => each.states);
    lines = done.map((each) => each.lines);
  }
}

/** What the engine says of a step to what is no finite number; empty if it is one. */
function refused(rule, told, done) {
  for (const name of ["w", ...rule.states]) for (const [i, each] of done.entries()) {
    const found = name === "w" ? each.w : each.states[name];
    if (Number.isFinite(found)) continue;
    const { w, g, lr, t } = told[i];
    const what = name === "w" ? data.weights[i] : `${name} of ${data.weights[i]}`;
    return fill(rule.refusal, { t: String(t), what, number: number(found), w: number(w, 6), g: number(g, 6), lr: number(lr, 6) });
  }
  return "";
}
