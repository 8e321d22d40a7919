// A training run: what `train.fit` does, iteration by iteration, with the same numbers for the same seed.
//
// Orders of rows, masks and first weights come from Python's generator (random.js), data and split from data.js, a
// model from network.js; formulas are the rows, rules and losses that Python has written out before. Nothing here
// knows the page. What it can call is in api.js:
//
//   Engine.createRun(config) -> run, which throws an Error that can be shown as it is. Of a config all but the data may
//   be left out:
//     {model: {kind: "mlp", hidden: [8, 8], activation: "tanh", dropout: 0} or {kind: "own"},
//      data: {name: "moons", n: 200, noise: 0.1}, {name: "points", inputs, targets, classes} or {name: "own"},
//      loss: "" (the usual one), optimizer: {name: "adam", lr: 0.03, options: {weight_decay: 0.01}},
//      batchSize: 32 (0: all rows), validation: 0.2, shuffle: true, seed: 0}
//   run.iteration(), run.epoch() go on; null means that run.stopped says why not.
//   run.goTo(i) goes to an iteration that was made: its numbers come back exactly. run.at = {epoch, batch, iteration}.
//   run.change(changes) has other settings from here on, run.fork(changes) is another run with the same past.
//   run.parameters, run.gradient, run.history {losses, epochs}, run.measure(), run.time: numbers. Not to be written to.
//   run.network {parameters, nodes, columns, edges, outputs, words}: what is to be drawn; run.values(point),
//   run.outputs(point), run.plane({size, x, y}), run.dropped(example): what its nodes say and which were dropped.
//   run.explain(parameter), run.noise(): the last step of a weight, and the batches' gradients beside the full one.

/** Throws a mistake that the page shows as it is. */
function fail(message) {
  throw new Error(message);
}

const USUAL_CONFIG = {validation: 0.2, loss: "", batchSize: 32, shuffle: true, seed: 0};

/** A config with all its parts. */
function complete(config) {
  const optimizer = {name: "adam", ...config.optimizer}, rule = RULES[optimizer.name];
  if (!rule) fail(`there is no optimizer ${optimizer.name}; there are ${Object.keys(RULES).join(", ")}`);
  const whole = {...USUAL_CONFIG, ...config};
  const {name, lr = rule.lr} = optimizer;
  whole.optimizer = {name, lr, options: {...rule.options, ...optimizer.options}};
  const model = {kind: "mlp", ...config.model};
  whole.model = model.kind === "own" ? model : {hidden: [8, 8], activation: "tanh", dropout: 0, ...model};
  whole.data = {name: "moons", ...config.data};
  check(whole);
  return whole;
}

function check({model, optimizer: {name, lr, options}, batchSize}) {
  const at0 = (what, x) => x >= 0 && x < Infinity || fail(`${what} must be at least 0, but got ${x}`);
  at0("the learning rate", lr);
  for (const [option, value] of Object.entries(options)) {
    if (!(option in RULES[name].options)) fail(`${name} has no option ${option}`);
    if (["alpha", "beta1", "beta2"].includes(option) && !(value >= 0 && value < 1))
      fail(`${option} must be at least 0 and below 1, but got ${value}; it is the share that is kept`);
    if (typeof value !== "boolean" && option !== "dampening") at0(option, value);
  }
  if (options.nesterov && !(options.momentum > 0 && options.dampening === 0))
    fail("nesterov needs momentum above 0 and no dampening; momentum 0.9 is usual");
  if (!Number.isInteger(batchSize) || batchSize < 0)
    fail(`a batch has a whole number of rows, 0 for all, but got ${batchSize}`);
  if (model.kind === "own") return OWN || fail("this page was given no model");
  if (!ACTIVATIONS[model.activation]) fail(`there is no activation ${model.activation}`);
  if (!(model.dropout >= 0 && model.dropout <= 1)) fail(`dropout is a share from 0 to 1, but got ${model.dropout}`);
  for (const width of model.hidden)
    if (!Number.isInteger(width) || width < 1) fail(`a layer has at least 1 neuron, but got ${width}`);
}

/** The names of the losses that fit the data, the usual one first; `model` is a config's, if that is not an MLP. */
function lossesFor({classes}, model = {}) {
  const own = model.kind === "own", K = classes.length;
  const fits = ([, {classes: ofClasses, programs}]) => {
    const outputs = own ? OWN.outputs : 1 in programs ? 1 : K;
    return outputs in programs && (ofClasses ? K === Math.max(2, outputs) : outputs === 1);
  };
  const usualFirst = ([, a], [, b]) => K > 1 ? b.classes - a.classes : 0;
  const found = Object.entries(LOSSES).filter(fits).sort(usualFirst).map(([name]) => name);
  return own && K === OWN.of ? [OWN.loss, ...found.filter(name => name !== OWN.loss)] : found;
}

/** The loss of a config, as {name, classes, threshold, outputs, program}. */
function lossOf({loss, model}, data) {
  const fitting = lossesFor(data, model), name = loss || fitting[0], K = data.classes.length;
  const own = model.kind === "own";
  if (!fitting.includes(name)) {
    const ends = own ? ` and a model that ends in ${OWN.outputs}` : "";
    fail(`${loss ? `the loss ${loss} does not fit` : "there is no loss for"} ${K || "no"} classes${ends}` +
      (fitting.length ? `; choose ${fitting.join(", ")}` : ""));
  }
  if (own && name === OWN.loss) {
    const {classes, threshold, outputs, lossProgram: program} = OWN;
    return {name, classes, threshold, outputs, program};
  }
  const {classes, programs, threshold} = LOSSES[name], outputs = own ? OWN.outputs : 1 in programs ? 1 : K;
  return {name, classes, threshold, outputs, program: programs[outputs]};
}

function networkOf(config, data, loss) {
  if (config.model.kind !== "own")
    return new Perceptron({widths: [data.width, ...config.model.hidden, loss.outputs], seed: config.seed,
      activation: config.model.activation, dropout: config.model.dropout, features: data.features});
  if (data.width !== OWN.width) fail(`this model takes ${OWN.width} numbers, and the data has ${data.width} a row`);
  return new Lifted(OWN);
}

/** A part of the data as the networks read it: rows of inputs, and targets. */
class Rows {
  constructor(data, rows) {
    const {width} = data;
    this.n = rows.length;
    this.width = width;
    this.inputs = new Float64Array(this.n * width);
    this.targets = Float64Array.from(rows, row => data.targets[row]);
    rows.forEach((row, i) => this.inputs.set(data.inputs.subarray(row * width, (row + 1) * width), i * width));
  }

  /** Fills another one with some of these rows. */
  take(rows, into) {
    into.n = rows.length;
    for (let i = 0; i < rows.length; i++) {
      for (let k = 0; k < this.width; k++) into.inputs[i * this.width + k] = this.inputs[rows[i] * this.width + k];
      into.targets[i] = this.targets[rows[i]];
    }
    return into;
  }
}

const MOST_KEPT = 512;  // so many states are kept: then every other one goes, and what is between them is made again

class Run {
  constructor(config) {
    this.config = complete(config);
    this.data = makeData(this.config.data, this.config.validation, this.config.seed);
    this.training = new Rows(this.data, this.data.train);
    this.held = new Rows(this.data, this.data.validation);
    this.begin([{from: 0, config: this.config}]);
    this.kept = [this.snapshot()];
    this.stride = 1;
    this.history = {losses: [], epochs: []};
  }

  /** What a run has of its own: a network with its first weights, and room to work in. */
  begin(phases) {
    const loss = lossOf(this.config, this.data);
    this.phases = phases;
    this.model = networkOf(this.config, this.data, loss);
    this.network = {parameters: this.model.names, ...this.model.drawing};
    const count = this.model.count;
    this.parameters = this.model.start.slice();
    this.gradient = new Float64Array(count);
    this.states = {};
    this.before = {w: new Float64Array(count), states: {}, t: 0};
    this.t = 0;
    this.at = {epoch: 0, batch: 0, iteration: 0};
    this.batch = new Rows(this.data, this.data.train);
    this.time = {iteration: 0, mean: 0};
    this.stopped = null;
    this.planes = {};
    this.enter(phases[0]);
  }

  get furthest() {
    return this.history.losses.length;
  }

  // ---------------------------------------------------------------- settings, which hold from an iteration on

  /** Takes the settings of a phase, and does what their change brings with it. */
  enter(phase, previous = null) {
    const {config} = phase, loss = lossOf(config, this.data), rule = RULES[config.optimizer.name];
    this.phase = phase;
    this.config = config;
    this.loss = loss.name;
    this.lossFacts = loss;
    this.lossOfOne = new LossOfOne(loss.program);
    const {kind, dropout, activation} = config.model;
    if (kind !== "own") Object.assign(this.model, {dropout, activation});
    this.network.words = this.model.words;
    if (!previous || previous.config.optimizer.name !== config.optimizer.name) {
      this.t = 0;
      for (const where of [this, this.before])
        where.states = Object.fromEntries(rule.states.map(name => [name, new Float64Array(this.model.count)]));
    }
    this.order = null;
    const old = previous?.config ?? config;  // of an epoch of other batches, what is left is left out
    this.leavesEpoch = old.batchSize !== config.batchSize || old.shuffle !== config.shuffle;
    this.batches = Math.ceil(this.training.n / (config.batchSize || this.training.n));
  }

  phaseAt(iteration) {
    return this.phases.findLast(each => each.from <= iteration);
  }

  /** Other settings from here on; what came after is forgotten. */
  change(changes) {
    const {iteration} = this.at, {optimizer = {}, model = {}, ...rest} = changes, now = this.config;
    for (const each of Object.keys(rest))
      if (!["loss", "batchSize", "shuffle"].includes(each)) fail(`${each} is as it was at the start; begin a new run`);
    if ("hidden" in model || "kind" in model) fail("the layers are as they were at the start; begin a new run");
    const same = !optimizer.name || optimizer.name === now.optimizer.name;
    const config = complete({...now, ...rest, model: {...now.model, ...model}, optimizer: same
      ? {...now.optimizer, ...optimizer, options: {...now.optimizer.options, ...optimizer.options}} : optimizer});
    if (lossOf(config, this.data).outputs !== this.lossFacts.outputs)
      fail("this loss needs other outputs; begin a new run");
    this.phases = this.phases.filter(each => each.from < iteration || each.from === 0 && iteration === 0);
    if (iteration === 0) this.phases = [{from: 0, config}];
    this.forget(iteration);
    this.goTo(iteration);
    if (iteration === 0) return;
    const before = this.phase, phase = {from: iteration, config};
    this.phases.push(phase);
    this.enter(phase, before);
  }

  forget(iteration) {
    this.history.losses.length = Math.min(this.history.losses.length, iteration);
    this.history.epochs = this.history.epochs.filter(each => each.iteration <= iteration);
    this.kept = this.kept.filter(each => each.at.iteration <= iteration);
  }

  /** Another run that goes on from here, with other settings. */
  fork(changes = {}) {
    const made = Object.create(Run.prototype), {iteration} = this.at;
    Object.assign(made, {config: this.phases[0].config, data: this.data, training: this.training, held: this.held});
    made.history = {losses: this.history.losses.slice(), epochs: this.history.epochs.slice()};
    made.kept = this.kept.slice();
    made.stride = this.stride;
    made.begin(this.phases.filter(each => each.from <= iteration));
    made.forget(iteration);
    made.goTo(iteration);
    made.change(changes);
    return made;
  }

  // ---------------------------------------------------------------- what is kept

  snapshot() {
    return {at: {...this.at}, t: this.t, w: this.parameters.slice(), gradient: this.gradient.slice(), phase: this.phase,
      states: Object.fromEntries(Object.entries(this.states).map(([name, each]) => [name, each.slice()])),
      generators: this.model.generators.map(each => each.state())};
  }

  restore(kept) {
    this.enter(this.phases.includes(kept.phase) ? kept.phase : this.phases[0]);
    this.at = {...kept.at};
    this.t = kept.t;
    this.parameters.set(kept.w);
    this.gradient.set(kept.gradient);
    for (const [name, each] of Object.entries(kept.states)) this.states[name]?.set(each);
    kept.generators.forEach((each, i) => this.model.generators[i].restore(each));
    this.stopped = null;
  }

  keep() {
    const {iteration} = this.at;
    if (iteration % this.stride || iteration <= this.kept.at(-1).at.iteration) return;
    this.kept.push(this.snapshot());
    if (this.kept.length > MOST_KEPT) {
      this.stride *= 2;
      this.kept = this.kept.filter(each => each.at.iteration % this.stride === 0);
    }
  }

  /** To an iteration that was made: exactly the numbers of then. */
  goTo(iteration) {
    if (!Number.isInteger(iteration) || iteration < 0 || iteration > this.furthest)
      fail(`iterations 0 to ${this.furthest} are kept, but got ${iteration}`);
    // one before it, so that its step is there to be explained
    this.restore(this.kept.findLast(each => each.at.iteration <= Math.max(0, iteration - 1)));
    while (this.at.iteration < iteration && this.step()) ;
    const phase = this.phaseAt(iteration);
    if (phase !== this.phase) this.enter(phase, this.phase);
  }

  // ---------------------------------------------------------------- iterations

  /** One batch: forward, loss, backward, update; null if the run has stopped. */
  iteration() {
    const start = performance.now(), done = this.step(), ms = performance.now() - start;
    if (!done) return null;
    this.time.iteration = ms;
    this.time.mean += (ms - this.time.mean) / Math.min(60, this.at.iteration);
    return {...done, ms};
  }

  epoch() {
    do if (!this.iteration()) return null; while (this.at.batch < this.batches);
    return this.history.epochs.find(each => each.iteration === this.at.iteration);
  }

  step() {
    if (this.stopped) return null;
    const phase = this.phaseAt(this.at.iteration);
    if (phase !== this.phase) this.enter(phase, this.phase);
    const {epoch, batch} = this.next(), rows = this.rowsOf(epoch)[batch - 1], iteration = this.at.iteration + 1;
    try {
      const loss = this.descend(rows);
      this.at = {epoch, batch, iteration};
      this.leavesEpoch = false;
      if (iteration > this.history.losses.length) this.history.losses.push(loss);
      this.keep();
      if (batch === this.batches && !(this.history.epochs.at(-1)?.iteration >= iteration)) this.finishEpoch(epoch);
      return {...this.at, loss, rows};
    } catch (error) {
      const where = `training stopped in epoch ${epoch}, iteration ${iteration}`;
      this.stopped = {iteration, epoch, message: `${where}: ${error.message}`};
      return null;
    }
  }

  next() {
    const {epoch, batch} = this.at;
    const goesOn = epoch && !this.leavesEpoch && batch < this.batches;
    return goesOn ? {epoch, batch: batch + 1} : {epoch: epoch + 1, batch: 1};
  }

  rowsOf(epoch) {
    const {batchSize, shuffle, seed} = this.config;
    if (this.order?.epoch !== epoch)
      this.order = {epoch, batches: batchRows(this.training.n, batchSize, shuffle, seed, epoch)};
    return this.order.batches;
  }

  /** One step of the optimizer on a batch; where a number is not finite, all stays as it was and an error tells. */
  descend(rows) {
    const {parameters: w, gradient, states, before} = this, {optimizer} = this.config;
    const batch = this.training.take(rows, this.batch), generators = this.model.generators.map(each => each.state());
    before.w.set(w);
    before.t = this.t;
    before.config = this.config;
    for (const [name, each] of Object.entries(states)) before.states[name].set(each);
    try {
      const loss = this.model.gradient(w, batch.inputs, batch.targets, batch.n, this.lossOfOne, gradient, true);
      if (!Number.isFinite(loss)) fail(`the loss is ${number(loss)}; ${LOWER}`);
      const off = gradient.findIndex(each => !Number.isFinite(each));
      if (off >= 0) fail(`the gradient of ${this.model.names[off]} is ${number(gradient[off])}; ${LOWER}`);
      STEPS[optimizer.name](w, gradient, states, this.t + 1, optimizer.lr, optimizer.options);
      for (const [name, each] of Object.entries({w, ...states})) this.refuse(name, each);
      this.t += 1;
      return loss;
    } catch (error) {
      w.set(before.w);
      for (const [name, each] of Object.entries(states)) each.set(before.states[name]);
      generators.forEach((each, i) => this.model.generators[i].restore(each));
      throw error;
    }
  }

  /** Throws the optimizer's own words for a weight or a state that is not finite. */
  refuse(name, numbers) {
    const at = numbers.findIndex(each => !Number.isFinite(each));
    if (at < 0) return;
    const {w, g, t, lr} = this.given(at), whose = this.model.names[at];
    const told = {what: name === "w" ? whose : `${name} of ${whose}`, number: number(numbers[at]), t: String(t)};
    fail(fill(RULES[this.config.optimizer.name].refusal, {...told, ...Object.fromEntries(Object.entries({w, g, lr}).map(
      ([each, x]) => [each, number(x, 6)]))}));
  }

  // ---------------------------------------------------------------- what is measured

  finishEpoch(epoch) {
    const {iteration} = this.at, batches = this.rowsOf(epoch);
    const losses = this.history.losses.slice(iteration - batches.length, iteration);
    const whole = losses.reduce((sum, loss, i) => sum + loss * batches[i].length, 0);
    const figures = {epoch, iteration, loss: whole / this.training.n, ...this.measure()};
    for (const part of ["training", "validation"]) {
      const loss = figures[part]?.loss ?? 0;
      if (!Number.isFinite(loss)) fail(`the ${part} loss is ${number(loss)}; ${LOWER}`);
    }
    this.history.epochs.push(figures);
  }

  /** Loss and accuracy (of numbers: the mean absolute error) in use, on what is trained on and on what is held back. */
  measure() {
    return {training: this.measured(this.training), validation: this.held.n ? this.measured(this.held) : null};
  }

  measured({inputs, targets, n}) {
    const outputs = this.model.outputs(this.parameters, inputs, n), {outputs: K} = this.lossFacts, one = this.lossOfOne;
    const asClasses = this.tellsClasses;
    let loss = 0, right = 0, off = 0;
    for (let e = 0; e < n; e++) {
      for (let k = 0; k < K; k++) one.outputs[k] = outputs[k * n + e];
      loss += one.of(targets[e]) / n;
      if (asClasses) right += this.classOf(one.outputs) === (K === 1 ? +(targets[e] > 0.5) : targets[e]);
      else off += Math.abs(one.outputs[0] - targets[e]);
    }
    return asClasses ? {loss, accuracy: right / n} : {loss, error: off / n};
  }

  /** Whether outputs are read as classes: a loss for numbers with a single output tells two of them apart. */
  get tellsClasses() {
    return this.lossFacts.classes || this.data.classes.length === 2;
  }

  classOf(outputs) {
    if (outputs.length === 1) return +(outputs[0] > this.lossFacts.threshold);
    let most = 0;
    for (let k = 1; k < outputs.length; k++) if (outputs[k] > outputs[most]) most = k;
    return most;
  }

  /** How a parameter came by its last change, line by line of the optimizer's rule; null before the first. */
  explain(parameter) {
    const {before, model: {names}} = this;
    if (!this.at.iteration) return null;
    const given = this.given(parameter), {lines, w} = RULES[before.config.optimizer.name].step(given);
    return {name: names[parameter], before: given.w, after: w, gradient: given.g, rate: given.lr, t: given.t,
      lines: lines.map(({name, formula, worked, value}) => ({name, formula, numbers: worked, result: value}))};
  }

  /** What the rule was given for the last step of a parameter. */
  given(parameter) {
    const {before, gradient} = this, {lr, options} = before.config.optimizer;
    const states = Object.entries(before.states).map(([name, each]) => [name, each[parameter]]);
    const t = before.t + 1;
    return {w: before.w[parameter], g: gradient[parameter], t, lr, ...options, ...Object.fromEntries(states)};
  }

  /** The gradients of the batches of this epoch beside that of all rows, all by the parameters as they are now. */
  noise() {
    const of = rows => {
      const batch = this.training.take(rows, this.batch), gradient = new Float64Array(this.model.count);
      this.model.gradient(this.parameters, batch.inputs, batch.targets, batch.n, this.lossOfOne, gradient, false);
      return gradient;
    };
    const full = of(Int32Array.from({length: this.training.n}, (_, i) => i)), norm = length(full);
    const batches = this.rowsOf(Math.max(1, this.at.epoch)).map(rows => {
      const gradient = of(rows), own = length(gradient);
      return {gradient, norm: own, cosine: own && norm ? dot(gradient, full) / own / norm : NaN,
        distance: length(gradient.map((each, i) => each - full[i]))};
    });
    const spread = Math.sqrt(batches.reduce((sum, each) => sum + each.distance ** 2, 0) / batches.length);
    return {full, norm, batches, spread};
  }

  /** Which nodes the dropout of an example's pass in the last batch dropped: 1 for those. */
  dropped(example = 0) {
    const found = new Uint8Array(this.network.nodes.length);
    if (this.at.iteration && (this.config.model.kind === "own" || this.config.model.dropout > 0))
      this.model.droppedOf(example, found);
    return found;
  }

  // ---------------------------------------------------------------- what the network says

  /** The number of each node for a point. */
  values(point) {
    const found = this.network.nodes.map(() => new Float64Array(1));
    this.model.nodes(this.parameters, Float64Array.from(point), 1, found);
    return Float64Array.from(found, each => each[0]);
  }

  outputs(point) {
    const found = this.model.outputs(this.parameters, Float64Array.from(point), 1);
    const outputs = [...found.subarray(0, this.lossFacts.outputs)];
    return {outputs, chances: this.chances(outputs), class: this.tellsClasses ? this.classOf(outputs) : -1};
  }

  /** The chance of each class, where the loss makes chances of outputs; else null. */
  chances(outputs) {
    if (this.loss === "bce_with_logits") {
      const chance = Float64Array.of(0);
      ACTIVATIONS.sigmoid.forward(outputs, chance, 1);
      return [1 - chance[0], chance[0]];
    }
    if (outputs.length === 1) return null;
    const most = Math.max(...outputs), parts = outputs.map(each => Math.exp(each - most));
    return parts.map(each => each / parts.reduce((a, b) => a + b));
  }

  /** What each node and the whole say at the points of a grid; null where the data does not lie in a plane. */
  plane({size, x, y}) {
    if (this.data.width !== 2) return null;
    const cells = size * size, planes = this.planes[size] ??= {
      inputs: new Float64Array(2 * cells), nodes: this.network.nodes.map(() => new Float64Array(cells)),
      decision: new Float64Array(cells), classes: new Uint8Array(cells), sure: new Float64Array(cells)};
    const step = ([from, to], i) => from + (to - from) * (i + 0.5) / size;
    for (let i = 0; i < cells; i++) {
      planes.inputs[2 * i] = step(x, i % size);
      planes.inputs[2 * i + 1] = step(y, Math.floor(i / size));
    }
    this.model.nodes(this.parameters, planes.inputs, cells, planes.nodes);
    const {nodes, decision, classes, sure} = planes;
    this.decide(this.network.outputs.map(node => nodes[node]), planes);
    return {size, nodes, decision, classes, sure};
  }

  /** What outputs mean, cell by cell: which class, how sure, and of two classes which way. */
  decide(outputs, {decision, classes, sure}) {
    const [first, second] = outputs, cells = first.length, scale = this.scale();
    const ofTwo = this.loss === "bce_with_logits";
    if (ofTwo) ACTIVATIONS.sigmoid.forward(first, sure, cells);
    for (let i = 0; i < cells; i++) {
      let most = 0;
      if (second) {
        for (let k = 1; k < outputs.length; k++) if (outputs[k][i] > outputs[most][i]) most = k;
        let whole = 0;
        for (const each of outputs) whole += Math.exp(each[i] - outputs[most][i]);
        sure[i] = 1 / whole;
        decision[i] = (Math.exp(second[i] - outputs[most][i]) - Math.exp(first[i] - outputs[most][i])) / whole;
      } else {
        most = this.tellsClasses && first[i] > this.lossFacts.threshold ? 1 : 0;
        decision[i] = ofTwo ? 2 * sure[i] - 1 : scale(first[i]);
        sure[i] = ofTwo ? Math.max(sure[i], 1 - sure[i]) : Math.abs(decision[i]);
      }
      classes[i] = most;
    }
  }

  /** From a number to -1 .. 1: around the threshold of two classes, or over the targets' range. */
  scale() {
    const held = x => Math.min(1, Math.max(-1, x)), {threshold} = this.lossFacts;
    if (this.tellsClasses) return x => held(threshold ? (x - threshold) / threshold : x);
    const [low, high] = [Math.min, Math.max].map(most => this.data.targets.reduce((a, b) => most(a, b)));
    return x => held(high > low ? 2 * (x - low) / (high - low) - 1 : 0);
  }
}


const dot = (a, b) => a.reduce((sum, each, i) => sum + each * b[i], 0);
const length = a => Math.sqrt(dot(a, a));

const createRun = config => new Run(config);
