// The data sets, drawn as `micrograd_plus.data` draws them, and shared out in rows to train on and rows held back.

/** The points of a set: {name, n, width, inputs, targets, classes, features, train, validation}. */
function makeData(spec, validation, seed) {
  if (!Number.isInteger(seed) || seed < 0) fail(`a seed is a whole number of at least 0, but got ${seed}`);
  if (!(validation >= 0 && validation < 1))
    fail(`the share held back is at least 0 and below 1, but got ${validation}`);
  const data = rowsOf(spec, seed);
  const [train, held] = validation ? splitRows(data, validation, seed) : [[...Array(data.n).keys()], []];
  return {...data, train: Int32Array.from(train), validation: Int32Array.from(held)};
}

function rowsOf(spec, seed) {
  if (spec.name === "own" && OWN_DATA) return OWN_DATA;
  if (spec.name === "points") return ownPoints(spec);
  const set = SETS[spec.name], {n, noise} = {...set, ...spec};
  if (!set) fail(`there is no data set ${spec.name}; there are ${Object.keys(SETS).join(", ")}`);
  const least = Math.max(2, set.classes.length);
  if (!Number.isInteger(n) || n < least || n > 10000) fail(`n is a whole number from ${least} to 10000, but got ${n}`);
  if (!(noise >= 0 && noise < Infinity)) fail(`noise is a standard deviation, so at least 0, but got ${noise}`);
  const draw = new Random(seed), inputs = new Float64Array(2 * n), kinds = set.kinds;
  for (let i = 0; i < n; i++) {
    const label = i % kinds, place = set.point(label, Math.floor(i / kinds), Math.ceil((n - label) / kinds));
    for (const k of [0, 1]) inputs[2 * i + k] = place[k] + noise * draw.gauss();
  }
  const targets = Float64Array.from({length: n}, (_, i) => set.targets[i % kinds]);
  return {name: spec.name, n, width: 2, inputs, targets, classes: set.classes, features: FEATURES};
}

function ownPoints({inputs, targets, classes}) {
  const counts = classes.map((_, i) => targets.filter(y => y === i).length);
  if (inputs.length !== targets.length) fail(`there are ${inputs.length} points and ${targets.length} targets`);
  if (inputs.length < 2 || counts.filter(Boolean).length < 2)
    fail("points of at least two classes are needed: click some of either into the plane");
  return {name: "points", n: inputs.length, width: 2, inputs: Float64Array.from(inputs.flat()),
    targets: Float64Array.from(targets), classes, features: FEATURES};
}

/** Which rows are trained on and which are held back, each class in its share: `micrograd_plus.data.split`. */
function splitRows({n, targets, classes}, share, seed) {
  if (n < 2) fail("one row can't be split in two; bring at least 2");
  const held = Math.min(Math.max(round(n * share), 1), n - 1), order = [...Array(n).keys()];
  const groups = classes.length ? targets : new Float64Array(n), left = quotas(groups, held, n), found = [[], []];
  new Random(seed).shuffle(order);
  for (const row of order) {
    const now = left.get(groups[row]) - 1;
    left.set(groups[row], now);
    found[now >= 0 ? 1 : 0].push(row);
  }
  return found;
}

/** How many of the rows held back each group gives: its exact share, rounded by the largest remainders. */
function quotas(groups, held, n) {
  const counts = new Map();
  for (const each of groups) counts.set(each, (counts.get(each) ?? 0) + 1);
  const found = new Map([...counts].map(([group, count]) => [group, Math.floor(count * held / n)]));
  const claim = group => [counts.get(group) - found.get(group) < 2 ? 1 : 0, -(counts.get(group) * held % n), group];
  const order = [...counts.keys()].map(claim).sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  const rest = held - [...found.values()].reduce((a, b) => a + b, 0);
  for (const [, , group] of order.slice(0, rest)) found.set(group, found.get(group) + 1);
  return found;
}

/** The rows of an epoch's batches, from 1, as `data.batch_indices` has them. */
function batchRows(n, batchSize, shuffle, seed, epoch) {
  const order = Int32Array.from({length: n}, (_, i) => i), size = batchSize || n;
  if (shuffle) epochRandom(seed, epoch).shuffle(order);
  return Array.from({length: Math.ceil(n / size)}, (_, i) => order.subarray(i * size, (i + 1) * size));
}
