/* The arithmetic of each step as text: templates that came with the page, filled with names and with today's numbers. */

const WIDE = 48;  // letters of a name that a fraction has room for

/** A name as the boxes have it; a constant without a label is called by its number. */
const short = (node) => (nodes[node].unnamed ? number(now().values[node]) : nodes[node].short ?? nodes[node].name);
const fullName = (node) => (nodes[node].unnamed ? short(node) : nodes[node].name);

/** A name as a formula can hold it: in brackets if it looks like arithmetic itself. */
const safe = (node) => (nodes[node].wrapped ? `(${short(node)})` : short(node));

/** A name in bold, with the whole of it to hover on. */
function named(node) {
  const made = make("b", "", short(node));
  made.title = fullName(node);
  return made;
}

/** A derivative as a fraction for the eye, `dL/dw` for the ear and for copying; `sign` is its d, or ∂. */
function derivative(top, bottom, sign = "d") {
  const d = (node) => {
    const name = short(node);
    const letters = [...name];
    const cut = letters.length > WIDE ? `${letters.slice(0, WIDE - 1).join("")}…` : name;
    return nodes[node].long ? `${sign}(${cut})` : `${sign}${cut}`;
  };
  const parts = [d(top), d(bottom)].map((words) => make("span", "", words));
  const made = make("span", "fraction", parts[0], make("span", "for-ears", "/"), parts[1]);
  made.title = `${fullName(top)} / ${fullName(bottom)}`;
  return made;
}

/** The local derivative of a step; ∂ where it is a share of what d would mean. */
const local = (step) => derivative(step.node, step.child, step.share ? "∂" : "d");

/** One quantity of a formula, in symbols or in numbers: both have the same colour. */
const quantity = (which, ...parts) => make("span", `quantity-${which}`, ...parts);

const bracketed = (text) => (text.startsWith("-") ? `(${text})` : text);
const signed = (text) => (text.startsWith("-") || text === "0" ? text : `+${text}`);

/** Which tint a gradient has beside the largest, from -4 to 4: a half goes to the even one, as in Python. */
function tint(x, largest) {
  if (!x || !(largest > 0)) return 0;
  const share = Math.abs(x) === Infinity ? data.tints : Math.min(Math.abs(x) / largest, 1) * data.tints;
  const near = share % 1 === 0.5 ? 2 * Math.round(share / 2) : Math.round(share);
  return Math.sign(x) * Math.max(1, near);
}

/** The tint of a gradient's number as a colour. */
function tinted(x) {
  const size = tint(x, now().largest);
  return `var(--mp-tint-${size ? `${size < 0 ? "minus" : "plus"}-${Math.abs(size)}` : 0})`;
}

/** What a line comes to, on the tint of that gradient if it is one. */
function sum(x, isGradient = false) {
  const made = make("span", "sum", number(x));
  if (isGradient) made.style.setProperty("--tint", tinted(x));
  return made;
}

/* ---- formulas in symbols and in numbers */

const unique = (texts) => [...new Set(texts.filter(Boolean))];

/** A row's formula for a node, once in names and once in numbers: of a choice, the branch that the numbers take. */
function formulas(node, templates, branch = 0) {
  const { children } = nodes[node];
  return [safe, (each) => number(now().values[each])].map((word) => fill(templates[branch], { ...children.map(word), out: word(node) }));
}

/** How a value comes about: the operation's name, its formula, the formula in numbers. */
function valueWords(node) {
  const { call, value } = forms[nodes[node].form];
  const branch = rowOf(node).choice.value?.(...operandsOf(node));
  return unique([fill(call, nodes[node].children.map(safe)), ...formulas(node, value, branch)]);
}

/** The local derivative of a step in symbols and in numbers; without what is just its number. */
function slopeWords({ node, operand }, partial) {
  const { variable, member, words } = forms[nodes[node].form].slopes[operand];
  const branch = rowOf(node).choice[variable]?.(now().values[node], ...operandsOf(node), member);
  return unique(formulas(node, words, branch)).filter((each) => each !== number(partial));
}

/* ---- why the engine refuses numbers */

const LISTED = 8, LONG = 80;  // operands that a message names each, letters of an operation that it writes out

function refusal(node, values, error) {
  if (!(error instanceof RangeError)) throw error;
  if (!error.why) return error.message;  // an index out of range, which has its own words
  const { children, form } = nodes[node];
  const row = rowOf(node);
  const name = (child) => (nodes[child].unnamed ? general(values[child], 6) : short(child));
  const known = unique(children.filter((child) => !nodes[child].unnamed).map((child) => `${name(child)} = ${general(values[child], 6)}`));
  const more = known.length > LISTED ? ` and ${known.length - LISTED} more` : "";
  const whole = fill(forms[form].whole ?? forms[form].value[0], children.map(name));
  const what = whole.length > LONG ? `${row.name}(${children.map(name).join(", ")})` : whole;
  return fill(row.refusals[error.why], { what, given: known.slice(0, LISTED).join(", ") + more });
}

function stepRefusal(template, node, [state, x], { w, g, t, lr }) {
  const [at, by, rate] = [w, g, lr].map((each) => general(each, 6));
  return fill(template, { t: String(t), what: state === "w" ? short(node) : `${state} of ${short(node)}`, number: number(x), w: at, g: by, lr: rate });
}

/* ---- sentences: what a step does, its line of arithmetic, where the local derivative comes from, and a note */

const sentences = {
  start: () => ({
    what: [beginning(), " Everything else is still to come."],
    line: [], why: [], note: data.notes,
  }),
  forward: ({ node }, { after }) => ({
    what: ["Forward: the value of ", named(node)],
    line: [[short(node), ...valueWords(node)].join(" = "), " = ", sum(after)],
    why: [], note: [declared(node)],
  }),
  seed: () => ({
    what: ["Backward begins at ", named(root)],
    line: [derivative(root, root), " = ", sum(1, true)],
    why: [`A small change of ${nodes[root].name} changes ${nodes[root].name} by just as much.`], note: [],
  }),
  backward: (step, { upstream, partial, product, before, after }) => ({
    what: ["Backward: from ", named(step.node), " into ", named(step.child)],
    line: [
      derivative(root, step.child), " += ", quantity(1, derivative(root, step.node)), " * ", quantity(2, local(step)),
      " = ", quantity(1, number(upstream)), " * ", quantity(2, bracketed(number(partial))), " = ", sum(product, true),
    ],
    why: [quantity(2, local(step)), ` = ${[...slopeWords(step, partial), number(partial)].join(" = ")}`],
    note: [collected(step, product, before, after), declared(step.node, forms[nodes[step.node].form].slopes[step.operand].variable)],
  }),
  update: ({ node }, { before, after, lines, refused }) => ({
    what: ["Update: ", named(node), ` by ${RULES[groupOf(node).key].name}`],
    line: [`${short(node)}: ${number(before)} → `, sum(after)],
    why: [make("div", "rule", ...lines.map(({ text }) => make("div", "", text)))], note: refused ? [refused] : [],
  }),
};

function beginning() {
  if (passes.length > 1) return `Pass ${passes.length}: the weights hold what the update left.`;
  return now().numbers.every((x, place) => Object.is(x, given[place])) ? "The leaves hold the numbers they were given." : "The leaves hold your numbers.";
}

/** How far a gradient is collected when its node is used more than once. */
function collected({ child, turn, turns: all }, product, before, after) {
  const name = short(child);
  if (all === 1) return "";
  if (turn === 1) return `${name} is used ${all} times, so ${all} contributions add up; this is the first. `;
  return `Contribution ${turn} of ${all} to ${name}: ${number(before)} + ${bracketed(number(product))} = ${number(after)}. `;
}

/** The row of the table that is at work: its value and its derivatives as they are declared. */
function declared(node, variable) {
  const { name, value, partials } = rules[forms[nodes[node].form].rule];
  const wanted = variable ? [variable] : Object.keys(partials);
  return make("div", "row", `row ${name}: ${[value, ...wanted.map((each) => `d/d${each} = ${partials[each]}`)].join(";  ")}`);
}

/** The sentences of a step with the numbers that it finds now. */
const told = (position) => sentences[steps[position].kind](steps[position], now().found[position]);
