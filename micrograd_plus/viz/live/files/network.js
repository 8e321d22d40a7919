// The two kinds of model. Each has `count` parameters with `names`, their `start`, the `generators` of its dropout, a
// `drawing` of nodes and edges, and three ways to run: `gradient`, `outputs` and `nodes`.

/** A loss as a function of one example: its number, with the derivative by each output in `slopes`. */
class LossOfOne {
  constructor(program) {
    this.program = program;
    this.shared = new Float64Array(program.SHARED);
    this.rows = new Float64Array(program.ROWS);
    this.dShared = new Float64Array(program.SHARED);
    this.slopes = new Float64Array(program.ROWS);
    this.found = new Float64Array(1);
    this.functions = program.over(this.shared, this.rows, this.dShared, this.slopes);
    this.functions.constants(this.shared, this.rows);
    this.functions.prepare(this.shared);
    this.outputs = this.rows.subarray(0, program.INPUTS - 1);
  }

  /** The loss of the `outputs` that have been put there. */
  of(target) {
    this.rows[this.program.INPUTS - 1] = target;
    this.functions.forward(this.shared, this.rows);
    this.functions.results(this.shared, this.rows, this.found);
    return this.found[0];
  }

  back() {
    this.functions.backward(this.shared, this.rows, this.dShared, this.slopes, ONE);
  }
}

const ONE = Float64Array.of(1);

/** A multi-layer perceptron of any widths, for many examples at a time: `nn.MLP(nin, widths, ..., seed)`. */
class Perceptron {
  constructor({widths, activation, dropout, seed, features}) {
    Object.assign(this, {widths, activation, dropout});
    this.layers = widths.slice(1).map((nout, i) => ({nin: widths[i], nout}));
    this.count = 0;
    for (const layer of this.layers) {
      layer.at = this.count;
      this.count += layer.nout * (layer.nin + 1);
    }
    const random = new Random(seed), draws = this.layers.map(({nin, nout}) =>
      Float64Array.from({length: nout * (nin + 1)}, () => _default(random, nin, 1, 1)));
    this.start = Float64Array.from(draws.flatMap(each => [...each]));
    // a dropout behind each layer but the last; its generator is seeded by one that is seeded by the model's
    const own = from => new Random(from.getrandbits(64));
    this.generators = this.layers.slice(1).map(() => own(own(random)));
    this.masks = [];  // of the last batch that was trained on
    this.examples = 0;
    this.room = 0;
    this.names = this.layers.flatMap(({nin, nout}, i) => Array.from({length: nout}, (_, j) => this.neuron(i, j))
      .flatMap(neuron => [...Array.from({length: nin}, (_, k) => `${neuron}.weights.${k}`), `${neuron}.bias`]));
    this.drawing = this.draw(features);
  }

  /** A neuron's name in the Sequential that an MLP is, in which its dropouts count too. */
  neuron(i, j) {
    return `layers.${this.dropout > 0 ? 2 * i : i}.neurons.${j}`;
  }

  draw(features) {
    const nodes = features.map(name => ({name, kind: "input", column: 0, bias: -1})), edges = [];
    const columns = [features.map((_, i) => i)];
    for (const [i, {nin, nout, at}] of this.layers.entries()) {
      const kind = i === this.layers.length - 1 ? "output" : "unit", before = columns[i], now = [];
      for (let j = 0; j < nout; j++) {
        const first = at + j * (nin + 1);
        const to = nodes.push({name: this.neuron(i, j), kind, column: i + 1, bias: first + nin}) - 1;
        now.push(to);
        for (let k = 0; k < nin; k++) edges.push({parameter: first + k, from: before[k], to});
      }
      columns.push(now);
    }
    return {nodes, columns, edges, outputs: columns.at(-1)};
  }

  /** The model as Python writes it. */
  get words() {
    const [nin, ...widths] = this.widths, options = [];
    if (this.activation !== "tanh") options.push(`, activation='${this.activation}'`);
    if (this.dropout) options.push(`, dropout=${this.dropout}`);
    return `MLP(${nin}, [${widths.join(", ")}]${options.join("")})`;
  }

  /** Arrays for n examples, unit after unit: sums z, what is fired, what goes on (after dropout), slopes. */
  reserve(n) {
    if (n > this.room) {
      this.room = n;
      const made = () => this.widths.map(width => new Float64Array(width * n));
      [this.z, this.fired, this.sent, this.slopes] = [made(), made(), made(), made()];
    }
  }

  /** Forward for n examples, row after row in `inputs`; in training the masks are drawn, example by example. */
  forward(w, inputs, n, training) {
    this.reserve(n);
    const last = this.layers.length, dropping = training && this.dropout > 0, [, ...widths] = this.widths;
    const first = this.sent[0], nin = this.widths[0];
    for (let k = 0; k < nin; k++) for (let e = 0; e < n; e++) first[k * n + e] = inputs[e * nin + k];
    for (let l = 1; l <= last; l++) {
      const layer = this.layers[l - 1], before = this.sent[l - 1], z = l === last ? this.sent[l] : this.z[l];
      for (let j = 0, p = layer.at; j < layer.nout; j++, p += layer.nin + 1) {
        const row = j * n, bias = w[p + layer.nin];
        for (let e = 0; e < n; e++) z[row + e] = 0;
        for (let k = 0; k < layer.nin; k++) {
          const weight = w[p + k], from = k * n;
          for (let e = 0; e < n; e++) z[row + e] += weight * before[from + e];
        }
        for (let e = 0; e < n; e++) z[row + e] += bias;
      }
      if (l === last) break;
      ACTIVATIONS[this.activation].forward(z, this.fired[l], layer.nout * n);
      if (dropping) this.drop(l, n);
      else this.sent[l].set(this.fired[l].subarray(0, layer.nout * n));
    }
    this.dropped = dropping;
    return this.sent[last];
  }

  drop(l, n) {
    const {nout} = this.layers[l - 1], random = this.generators[l - 1];
    if (!(this.masks[l]?.length >= nout * n)) this.masks[l] = new Float64Array(nout * n);
    const mask = this.masks[l];
    const keep = 1 - this.dropout, scale = this.dropout < 1 ? 1 / (1 - this.dropout) : 0;
    for (let e = 0; e < n; e++) for (let j = 0; j < nout; j++) mask[j * n + e] = random.random() < keep ? scale : 0;
    for (let i = 0; i < nout * n; i++) this.sent[l][i] = this.fired[l][i] * mask[i];
    this.examples = n;
  }

  /** The mean loss of n examples; `gradient` becomes its derivative by each parameter. */
  gradient(w, inputs, targets, n, loss, gradient, training) {
    const last = this.layers.length, outputs = this.forward(w, inputs, n, training), slopes = this.slopes[last];
    const K = this.widths[last], share = 1 / n;
    let mean = 0;
    for (let e = 0; e < n; e++) {
      for (let k = 0; k < K; k++) loss.outputs[k] = outputs[k * n + e];
      mean += loss.of(targets[e]) * share;
      loss.back();
      for (let k = 0; k < K; k++) slopes[k * n + e] = loss.slopes[k] * share;
    }
    for (let l = last; l > 0; l--) this.back(w, l, n, gradient);
    return mean;
  }

  /** Back through a layer: from the slopes by its sums to those by its parameters, and by the sums before it. */
  back(w, l, n, gradient) {
    const {nin, nout, at} = this.layers[l - 1], d = this.slopes[l], before = this.sent[l - 1], out = this.slopes[l - 1];
    if (l > 1) out.fill(0, 0, nin * n);
    for (let j = 0, p = at; j < nout; j++, p += nin + 1) {
      const row = j * n;
      for (let k = 0; k < nin; k++) {
        const from = k * n, weight = w[p + k];
        let sum = 0;
        for (let e = 0; e < n; e++) sum += d[row + e] * before[from + e];
        gradient[p + k] = sum;
        if (l > 1) for (let e = 0; e < n; e++) out[from + e] += weight * d[row + e];
      }
      let sum = 0;
      for (let e = 0; e < n; e++) sum += d[row + e];
      gradient[p + nin] = sum;
    }
    if (l === 1) return;
    if (this.dropped) for (let i = 0; i < nin * n; i++) out[i] *= this.masks[l - 1][i];
    ACTIVATIONS[this.activation].backward(this.z[l - 1], this.fired[l - 1], out, nin * n);
  }

  /** The outputs of n examples in use, output after output. */
  outputs(w, inputs, n) {
    return this.forward(w, inputs, n, false);
  }

  /** Fills `found`, an array for each node of the drawing, with its numbers for n examples. */
  nodes(w, inputs, n, found) {
    this.forward(w, inputs, n, false);
    let node = 0;
    for (const [l, width] of this.widths.entries())
      for (let j = 0; j < width; j++) found[node++].set(this.sent[l].subarray(j * n, (j + 1) * n));
  }

  /** Which nodes the mask of an example in the last batch dropped. */
  droppedOf(example, found) {
    let node = this.widths[0];
    for (let l = 1; l < this.layers.length; l++)
      for (let j = 0; j < this.widths[l]; j++)
        found[node++] = this.masks[l]?.[j * this.examples + example] === 0 ? 1 : 0;
  }
}

/** The learner's own model, as the compiler has written it for one example at a time: in training, and in use. */
class Lifted {
  constructor({train, use, start, names, generators, draws, width, outputs, drawing, words}) {
    Object.assign(this, {names, width, drawing, draws, words, K: outputs});
    this.count = names.length;
    this.start = Float64Array.from(start);
    this.generators = generators.map(({words, place}) => {
      const random = new Random(0);
      random.restore({words: Uint32Array.from(words), place, gaussNext: null});
      return random;
    });
    [this.train, this.use] = [train, use].map(program => {
      const made = {program, shared: new Float64Array(program.SHARED), rows: new Float64Array(program.ROWS),
        dShared: new Float64Array(program.SHARED), dRows: new Float64Array(program.ROWS),
        found: new Float64Array(program.OUTPUTS)};
      made.functions = program.over(made.shared, made.rows, made.dShared, made.dRows);
      made.functions.constants(made.shared, made.rows);
      return made;
    });
    this.masks = new Float64Array(0);
  }

  load({program, functions, shared}, w) {
    for (let i = 0; i < this.count; i++) shared[program.ADDRESSES[i]] = w[i];
    functions.prepare(shared);
  }

  /** The mean loss of n examples; `gradient` becomes its derivative by each parameter. */
  gradient(w, inputs, targets, n, loss, gradient, training) {
    const made = this.train, {program, functions, shared, rows, dShared, dRows, found} = made, {width, K, draws} = this;
    this.load(made, w);
    dShared.fill(0);
    if (this.masks.length < n * draws.length) this.masks = new Float64Array(n * draws.length);
    let mean = 0;
    for (let e = 0; e < n; e++) {
      for (let k = 0; k < width; k++) rows[k] = inputs[e * width + k];
      for (let i = 0; i < draws.length; i++) {
        const {generator, keep, scale} = draws[i];
        const drawn = training ? this.generators[generator].random() < keep ? scale : 0 : 1;
        rows[program.INPUTS + i] = drawn;
        if (training) this.masks[e * draws.length + i] = drawn;
      }
      functions.forward(shared, rows);
      functions.results(shared, rows, found);
      for (let k = 0; k < K; k++) loss.outputs[k] = found[k + 1];
      mean += loss.of(targets[e]) / n;
      loss.back();
      for (let k = 0; k < K; k++) rows[width + k] = loss.slopes[k] / n;  // what the outputs' sum is weighed by
      functions.backward(shared, rows, dShared, dRows, ONE);
    }
    functions.finish(shared, dShared, 1);
    for (let i = 0; i < this.count; i++) gradient[i] = dShared[program.ADDRESSES[i]];
    return mean;
  }

  outputs(w, inputs, n) {
    const made = new Float64Array(this.K * n);
    this.each(w, inputs, n, (found, e) => { for (let k = 0; k < this.K; k++) made[k * n + e] = found[k]; });
    return made;
  }

  nodes(w, inputs, n, found) {
    const units = this.drawing.nodes.length - this.width;
    for (let k = 0; k < this.width; k++) for (let e = 0; e < n; e++) found[k][e] = inputs[e * this.width + k];
    this.each(w, inputs, n, (numbers, e) => {
      for (let i = 0; i < units; i++) found[this.width + i][e] = numbers[this.K + i];
    });
  }

  each(w, inputs, n, then) {
    const {functions, shared, rows, found} = this.use;
    this.load(this.use, w);
    for (let e = 0; e < n; e++) {
      for (let k = 0; k < this.width; k++) rows[k] = inputs[e * this.width + k];
      functions.forward(shared, rows);
      functions.results(shared, rows, found);
      then(found, e);
    }
  }

  droppedOf(example, found) {
    for (const [i, {node}] of this.draws.entries())
      if (node >= 0 && this.masks[example * this.draws.length + i] === 0) found[node] = 1;
  }
}
