/* The engine of the page: values, derivatives and gradients of the graph for any numbers of its leaves, and what an
   optimizer's rule then makes of the weights. ROWS and RULES are read from the engine's own rows and rules. */

const { nodes, steps, forms, rules, optimizer } = data;
const root = nodes.length - 1;

/* The step that goes into which operand does not hang on numbers, nor how often there is more to come. */
{
  const uses = new Map();
  for (const step of steps.filter(({ kind }) => kind === "backward")) {
    step.child = nodes[step.node].children[step.operand];
    step.turn = (uses.get(step.child) ?? 0) + 1;
    uses.set(step.child, step.turn);
  }
  for (const step of steps) step.turns = uses.get(step.child);
}

/** The row that makes a node. */
const rowOf = (node) => ROWS[rules[forms[nodes[node].form].rule].key];

/** The numbers of a node's operands, as its row groups them. */
function operandsOf(node, values = now().values) {
  const row = rowOf(node);
  const items = nodes[node].children.map((child) => values[child]);
  const lists = row.operands.filter((operand) => operand.startsWith("*")).length;
  const size = lists && (items.length - row.operands.length + lists) / lists;
  let from = 0;
  return row.operands.map((operand) => (operand.startsWith("*") ? items.slice(from, from += size) : items[from++]));
}

/** Numbers that the engine refuses, in its words. */
class Trouble extends Error {}

/* The numbers of all nodes, and the derivative of each by its operands. */
function forward(numbers) {
  const values = [...numbers];
  const partials = nodes.map(({ children }, place) => {
    if (!children) return [];
    try {
      const made = rowOf(place).at(...operandsOf(place, values));
      values[place] = made.out;
      return made.partials;
    } catch (error) {
      throw new Trouble(refusal(place, values, error));
    }
  });
  return { values, partials };
}

/**
 * A pass: what each step finds, for the numbers of the leaves, the optimizer's states and its count of steps. Of a
 * `+=` that is the upstream gradient, the local derivative, their product, and the gradient before and after.
 */
function pass({ numbers, states, t }) {
  const { values, partials } = forward(numbers);
  const grads = new Map([[root, 1]]);
  const found = steps.map((step) => {
    if (step.kind === "forward") return { after: values[step.node] };
    if (step.kind === "seed") return { after: 1 };
    if (step.kind === "update") return updated(step.node, values[step.node], grads.get(step.node) ?? 0, states, t);
    if (step.kind !== "backward") return {};
    const upstream = grads.get(step.node);
    const partial = partials[step.node][step.operand];
    const product = partial * upstream;
    const before = grads.get(step.child);
    const after = (before ?? 0) + product;
    grads.set(step.child, after);
    return { upstream, partial, product, before, after };
  });
  const largest = Math.max(...[...grads.values()].map(Math.abs));
  return { numbers, states, t, values, found, largest, loss: values[root] };
}

/* ---- the optimizer: the one that was given, or another that the reader chose */

let settings = { rule: 0, rate: null };

const groupOf = (node) => (settings.rule ? optimizer.others[settings.rule - 1] : optimizer.groups[optimizer.weights[node].group]);

/** The learning rate of a weight's step number t: the reader's, or that of the schedule. */
function rateOf({ rates }, t) {
  const since = settings.rule ? t : t - optimizer.t;
  return settings.rate ?? rates[Math.min(since, rates.length) - 1];
}

function updated(node, w, g, states, t) {
  const { key, options, ...group } = groupOf(node);
  const given = { w, g, t: t + 1, lr: rateOf(group, t + 1) };
  const after = RULES[key].step({ ...given, ...options, ...states[node] });
  const bad = Object.entries({ w: after.w, ...after.states }).find(([, x]) => !Number.isFinite(x));
  const refused = bad && stepRefusal(RULES[key].refusal, node, bad, given);
  return { before: w, after: after.w, states: after.states, lines: after.lines, refused };
}

/** What the next pass begins with: the weights and states that this one's updates leave. */
function following({ numbers, states, t, found }) {
  const next = { numbers: [...numbers], states: { ...states }, t: t + 1 };
  for (const [at, { kind, node }] of steps.entries()) {
    if (kind !== "update") continue;
    if (found[at].refused) throw new Trouble(found[at].refused);
    next.numbers[node] = found[at].after;
    next.states[node] = found[at].states;
  }
  return next;
}

/** The start of an optimizer: its own states if it was given, else none. */
const fresh = (numbers) => ({
  numbers,
  states: settings.rule || !optimizer ? {} : Object.fromEntries(Object.entries(optimizer.weights).map(([node, { states }]) => [node, states])),
  t: settings.rule || !optimizer ? 0 : optimizer.t,
});

/* ---- the passes so far; the last one is what the page shows */

const given = nodes.map(({ value }) => Number(value ?? 0));
let passes = [pass(fresh(given))];
const now = () => passes.at(-1);

/** Sets a leaf, and keeps everything as it was where the engine refuses the number. */
function set(leaf, number) {
  const { numbers, states, t } = now();
  const changed = pass({ numbers: numbers.with(leaf, number), states, t });
  passes = [...passes.slice(0, -1), changed];
}

const goOn = () => { passes = [...passes, pass(following(now()))]; };
const goBack = () => { passes = passes.slice(0, -1); };

/** Another optimizer begins here, without what the one before remembers; `rate` null is its own. */
function optimize(rule, rate) {
  const same = rule === settings.rule;
  const before = settings;
  settings = { rule, rate };
  try {
    const { numbers, states, t } = now();
    const { states: none, t: zero } = fresh(numbers);
    passes = [...passes.slice(0, -1), pass(same ? { numbers, states, t } : { numbers, states: none, t: zero })];
  } catch (error) {
    settings = before;
    throw error;
  }
}

function reset() {
  settings = { rule: 0, rate: null };
  passes = [pass(fresh(given))];
}
