/* The step player: fills values going forward, adds up gradients going backward, and writes the arithmetic of each step. */

const { nodes, steps, rules } = data;
const root = nodes.length - 1;
const svg = document.querySelector("#canvas > svg");
const canvas = element("canvas");

/* ---- the drawing: what shows a node, its two numbers, and an edge */

/* Its ids are made of a node's place: n its box, o its operation, r the arrow between them, e the arrow of an operand. */
const drawn = nodes.map(({ children = [] }, place) => ({
  box: element(`n${place}`), value: element(`n${place}-data`), grad: element(`n${place}-grad`),
  sign: element(`o${place}`), result: element(`r${place}`), edges: children.map((_, i) => element(`e${place}-${i}`)),
}));

/* All that is drawn of the way from an operand into a node: its arrow, the operation, the arrow to the result. A fused
   dot product may be drawn as its products and their sum; then the product is on the way too. */
function way(node, operand) {
  const { sign, result, edges } = drawn[node];
  const pairs = Math.floor(edges.length / 2);
  const product = operand < 2 * pairs && element(`${sign.id}-${operand % pairs}`);
  return [edges[operand], sign, result, ...(product ? [product, element(`${product.id}-sum`)] : [])];
}

/* ---- what a step changes, forwards and backwards in time */

const UNKNOWN = "·";
const ROOM = 88;  // in a cell, at 11 pixels a letter; more letters must be smaller

/** The tint of a gradient's number by its size, from -4 to 4. */
const tinted = (tint) => `var(--mp-tint-${tint ? `${tint < 0 ? "minus" : "plus"}-${Math.abs(tint)}` : 0})`;

function write(cell, text, tint) {
  if (!cell) return;
  const words = cell.querySelector("text");
  words.textContent = text;
  words.style.fontSize = text.length > 8 ? `${ROOM / text.length}px` : "";
  if (tint !== undefined) cell.firstElementChild.style.fill = tinted(tint);
}

/* What a step finds: the gradient that comes from above, the one collected so far, and how often there is more to come. */
{
  const grads = new Map([[root, { after: "1" }]]);
  const uses = new Map();
  for (const step of steps.filter(({ kind }) => kind === "backward")) {
    step.child = nodes[step.node].children[step.operand];
    step.upstream = grads.get(step.node).after;
    step.product ??= step.after;
    step.productTint ??= step.tint;
    step.before = grads.get(step.child);
    grads.set(step.child, step);
    step.turn = (uses.get(step.child) ?? 0) + 1;
    uses.set(step.child, step.turn);
  }
  for (const step of steps) step.turns = uses.get(step.child);
}

const signed = (number) => (number.startsWith("-") || number === "0" ? number : `+${number}`);

function apply(step) {
  if (step.kind === "forward") fill(step.node, true);
  if (step.kind === "seed") write(drawn[root].grad, signed(step.after), step.tint);
  if (step.kind === "backward") {
    write(drawn[step.child].grad, signed(step.after), step.tint);
    drawn[step.node].edges[step.operand].classList.add("walked");
  }
  if (step.kind === "update") write(drawn[step.node].value, step.after);
}

function undo(step) {
  if (step.kind === "forward") fill(step.node, false);
  if (step.kind === "seed") write(drawn[root].grad, UNKNOWN, 0);
  if (step.kind === "backward") {
    if (step.turn === 1) write(drawn[step.child].grad, UNKNOWN, 0);
    else write(drawn[step.child].grad, signed(step.before.after), step.before.tint);
    drawn[step.node].edges[step.operand].classList.remove("walked");
  }
  if (step.kind === "update") write(drawn[step.node].value, step.before);
}

function fill(node, known) {
  const { box, sign, result, edges, value } = drawn[node];
  for (const part of [box, sign, result, ...edges]) part.classList.toggle("ahead", !known);
  write(value, known ? nodes[node].value : UNKNOWN);
}

/* What one press of "next" plays: a step, or all up to where the chosen grain stops. */
let grain = data.grains[0].stops;
const since = (position) => (grain.includes(position) ? (grain.findLast((stop) => stop < position) ?? position - 1) + 1 : position);

/* What stands out at a step: the node at work, the nodes it deals with, and the way between them. */
function lit(step) {
  if (step.kind === "forward") {
    const { children } = nodes[step.node];
    return { now: [step.node], with: children, way: children.flatMap((_, i) => way(step.node, i)), to: "forth" };
  }
  if (step.kind === "backward")
    return { now: [step.child], with: [step.node], way: way(step.node, step.operand), to: "back" };
  return { now: step.kind === "start" ? [] : [step.node], with: [], way: [], to: "" };
}

let shown = -1;
let glowing = [];

function show(position) {
  for (; shown < position; shown++) apply(steps[shown + 1]);
  for (; shown > position; shown--) undo(steps[shown]);
  for (const [item, name] of glowing) item.classList.remove(name);
  const played = steps.slice(since(position), position + 1);
  const lights = played.map(lit);
  glowing = lights.flatMap((light) => [
    ...light.now.map((node) => [drawn[node].box, "now"]),
    ...light.with.map((node) => [drawn[node].box, "with"]),
    ...light.way.map((part) => [part, light.to]),
  ]);
  for (const [item, name] of glowing) item.classList.add(name);
  follow(lights.flatMap((light) => [...light.now, ...light.with]));
  mark(position);
  asked = null;
  return played.length > 1 ? explainAll(played) : explain(steps[position]);
}

/* ---- the words of a step */

const WIDE = 48;  // letters of a name that a fraction has room for

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
  made.title = `${nodes[top].name} / ${nodes[bottom].name}`;
  return made;
}

/** A name as the boxes have it; `named` shows it in bold, with the whole of it to hover on. */
const short = (node) => nodes[node].short ?? nodes[node].name;
function named(node) {
  const made = make("b", "", short(node));
  made.title = nodes[node].name;
  return made;
}

/** One quantity of a formula, in symbols or in numbers: both have the same colour. */
const quantity = (number, ...parts) => make("span", `quantity-${number}`, ...parts);

/** The local derivative of a step; ∂ where it is a share of what d would mean. */
const local = (step) => derivative(step.node, step.child, step.share ? "∂" : "d");

const bracketed = (number) => (number.startsWith("-") ? `(${number})` : number);

function sum(text, tint) {
  const made = make("span", "sum", text);
  if (tint !== undefined) made.style.setProperty("--tint", tinted(tint));
  return made;
}

const sentences = {
  start: () => ({
    what: ["The leaves hold the numbers they were given. ", "Everything else is still to come."],
    line: [], why: [], note: [],
  }),
  forward: (step) => ({
    what: ["Forward: the value of ", named(step.node)],
    line: [[short(step.node), ...step.words].join(" = "), " = ", sum(step.after)],
    why: [], note: [rowOf(step)],
  }),
  seed: (step) => ({
    what: ["Backward begins at ", named(root)],
    line: [derivative(root, root), " = ", sum("1", step.tint)],
    why: [`A small change of ${nodes[root].name} changes ${nodes[root].name} by just as much.`], note: [],
  }),
  backward: (step) => ({
    what: ["Backward: from ", named(step.node), " into ", named(step.child)],
    line: [
      derivative(root, step.child), " += ", quantity(1, derivative(root, step.node)), " * ", quantity(2, local(step)),
      " = ", quantity(1, step.upstream), " * ", quantity(2, bracketed(step.partial)), " = ",
      sum(step.product, step.productTint),
    ],
    why: [quantity(2, local(step)), ` = ${[...step.words, step.partial].join(" = ")}`],
    note: [collected(step), rowOf(step)],
  }),
  update: (step) => ({
    what: ["Update: ", named(step.node), ` by ${data.optimizer}`],
    line: [`${short(step.node)}: ${step.before} → `, sum(step.after)],
    why: [make("div", "rule", ...step.words.map((line) => make("div", "", line)))], note: [],
  }),
};

/** How far a gradient is collected when its node is used more than once. */
function collected(step) {
  const { turn, turns: all } = step;
  const name = short(step.child);
  if (all === 1) return "";
  if (turn === 1) return `${name} is used ${all} times, so ${all} contributions add up; this is the first. `;
  return `Contribution ${turn} of ${all} to ${name}: ${step.before.after} + ${bracketed(step.product)} = ${step.after}. `;
}

/** The row of the table that is at work: its value and its derivatives as they are declared. */
function rowOf(step) {
  const rule = rules[nodes[step.node].rule];
  const wanted = step.kind === "backward" ? [step.variable] : Object.keys(rule.partials);
  const partials = wanted.map((name) => `d/d${name} = ${rule.partials[name]}`);
  return make("div", "row", `row ${rule.name}: ${[rule.value, ...partials].join(";  ")}`);
}

function work(...paragraphs) {
  const worked = paragraphs.filter(([, , parts]) => parts.length).map(([tag, name, parts]) => make(tag, name, ...parts));
  element("worked").replaceChildren(...worked);
  element("worked").scrollTop = 0;
  return worked.map((paragraph) => paragraph.textContent).join(" ");
}

function explain(step) {
  const { what, line, why, note } = sentences[step.kind](step);
  return work(["p", "what", what], ["p", "line", line], ["div", "why", why], ["div", "note", note]);
}

function explainAll(played) {
  const kind = { forward: "Forward", backward: "Backward" }[played[0].kind] ?? "Update";
  const what = `${kind}: ${played.length} steps at once`;
  return work(["p", "what", [what]], ...played.map((step) => ["p", "each", [oneLine(step)]]));
}

/* ---- a node that is pressed: where its number came from, and its gradient as a sum of paths */

function inspect(node) {
  const played = steps.slice(0, shown + 1);
  const made = played.find((step) => step.kind === "forward" && step.node === node);
  const uses = played.filter((step) => step.kind === "backward" && step.child === node);
  const missing = (uses[0]?.turns ?? 0) - uses.length;
  const paths = missing ? [] : data.paths[node] ?? [];
  const asPath = ({ by, product }, i) => {
    const way = by.map((at) => steps[at]);
    const symbols = way.flatMap((step) => [" * ", local(step)]).slice(1);
    const numbers = way.map((step) => bracketed(step.partial)).join(" * ");
    return ["p", "each", [`path ${i + 1}: `, ...symbols, ` = ${numbers} = `, sum(product)]];
  };
  const asUse = (step) => ["p", "each", ["through ", named(step.node), ": ", quantity(1, derivative(root, step.node)), " * ",
    quantity(2, local(step)), " = ", quantity(1, step.upstream), " * ", quantity(2, bracketed(step.partial)), " = ",
    sum(step.product, step.productTint)]];
  const given = !nodes[node].children;
  const value = made ? sentences.forward(made).line : [given ? `${short(node)} = ${nodes[node].value}, as it was given` : "Its value is still to come."];
  const begun = node === root && played.some(({ kind }) => kind === "seed");
  const many = paths.length > 1 ? `, the sum over ${paths.length} paths:` : uses.length > 1 ? `, the sum over ${uses.length} uses:` : ":";
  const grad = begun ? sentences.seed({ after: "1" }).line
    : uses.length ? [derivative(root, node), " = ", sum(uses.at(-1).after), missing ? ` so far; ${missing} to come:` : many]
    : ["No gradient has come here."];
  const ways = begun ? [] : paths.length && uses.length ? paths.map(asPath) : uses.map(asUse);
  element("live").textContent = work(["p", "what", ["Where ", named(node), " came from"]], ["p", "each", value], ["p", "each", grad], ...ways);
}

for (const [place, { box }] of drawn.entries()) box.addEventListener("click", () => inspect(place));

/* ---- predict first: the next number is asked for before it is shown */

let asked = null;
let predicting = false;

function ask(position) {
  if (!predicting || asked === position) return false;
  const step = steps[position];
  const wanted = step.product ?? step.after;
  if (wanted === undefined) return false;
  asked = position;
  const { what, line } = sentences[step.kind](step);
  const answer = make("input", "");
  const form = make("form", "line", ...line.slice(0, -1), answer, make("button", "", "Answer"));
  answer.setAttribute("aria-label", "Your number");
  answer.inputMode = "text";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = answer.value.trim() === "" ? NaN : Number(answer.value.replace(",", ".").replace("−", "-"));
    const off = Math.abs(said - Number(wanted));
    const size = Math.abs(Number(wanted));
    const verdict = off <= Math.max(0.005 * size, 5e-4) ? "right" : off <= Math.max(0.1 * size, 0.005) ? "near" : "wrong";
    player.go(position);
    const words = make("p", `verdict ${verdict}`, Number.isNaN(said) ? "Not a number" : `You said ${said}: ${verdict}`, `. It is ${wanted}.`);
    element("worked").prepend(words);
    element("live").textContent = words.textContent;
    element("next").focus();
  });
  work(["p", "what", ["What comes next? ", ...what]]);
  element("worked").append(form);
  answer.focus();
  return true;
}

/* Predicting goes by single steps: choosing one ends the other. */
function choose(number, predict) {
  grain = data.grains[number].stops;
  element("grain").value = number;
  predicting = predict;
  element("predict").setAttribute("aria-pressed", predict);
}
element("grain").append(...data.grains.map(({ name }, i) => new Option(name, i)));
element("grain").addEventListener("change", (event) => choose(event.target.value, predicting && event.target.value === "0"));
element("predict").addEventListener("click", () => choose(predicting ? element("grain").value : 0, !predicting));

/* ---- all steps as a list, made when it is first opened */

const list = document.querySelector("#all ol");

function oneLine(step) {
  const { what, line } = sentences[step.kind](step);
  return make("span", "", ...(line.length ? line : what));
}

element("all").addEventListener("toggle", () => {
  if (!list.children.length)
    list.append(...steps.map((step, position) => {
      const link = make("a", "", oneLine(step));
      link.href = `#${position}`;
      link.addEventListener("click", (event) => { event.preventDefault(); player.go(position); });
      return make("li", "", link);
    }));
  mark(player.here());
});

function mark(position) {
  list.querySelector("[aria-current]")?.removeAttribute("aria-current");
  list.children[position]?.setAttribute("aria-current", "step");
}

/* ---- the size of the drawing, and what of it is in view */

const natural = svg.viewBox.baseVal;
const LEGIBLE = 0.6;
let zoom = null;  // none chosen: all of the drawing if it is legible then, else as much as is

const fitting = () => Math.min((canvas.clientWidth - 24) / natural.width, (canvas.clientHeight - 24) / natural.height, 2.2);
const scale = () => zoom ?? (fitting() < LEGIBLE ? 1 : fitting());

function resize() {
  svg.style.width = `${natural.width * scale()}px`;
  frameMap();
  if (shown >= 0) follow([...lit(steps[shown]).now, ...lit(steps[shown]).with]);
}

/* Scrolls to nodes: where each stands in the drawing came with the page, so that nothing hangs on when it is laid out. */
function follow(places) {
  if (!places.length) return;
  const width = natural.width * scale();
  const height = natural.height * scale();
  if (width <= canvas.clientWidth && height <= canvas.clientHeight) return;
  const boxes = places.map((node) => nodes[node].at);
  const span = (at, size) => [
    Math.min(...boxes.map((box) => box[at])) * scale(),
    Math.max(...boxes.map((box) => box[at] + box[size])) * scale(),
  ];
  const aim = ([low, high], view, now) => {
    if (low - 24 >= now && high + 48 <= now + view) return now;  // in view as it is
    if (high - low > view - 72) return low - 24;  // too far apart: at least the first of them
    return (low + high) / 2 + 12 - view / 2;
  };
  const left = aim(span(0, 2), canvas.clientWidth, canvas.scrollLeft);
  const top = aim(span(1, 3), canvas.clientHeight, canvas.scrollTop);
  const far = Math.abs(left - canvas.scrollLeft) > canvas.clientWidth || Math.abs(top - canvas.scrollTop) > canvas.clientHeight;
  const jump = far || calm.matches || document.body.classList.contains("playing");
  canvas.scrollTo({ left, top, behavior: jump ? "auto" : "smooth" });
}

function magnify(size) {
  zoom = Math.max(0.1, Math.min(4, size));
  resize();
}

element("larger").addEventListener("click", () => magnify(scale() * 1.25));
element("smaller").addEventListener("click", () => magnify(scale() * 0.8));
element("fit").addEventListener("click", () => magnify(fitting()));
new ResizeObserver(resize).observe(canvas);

/* ---- a map of a large drawing: all of it, and the part in view */

const map = element("map");
const inView = makeSVG("rect", { class: "view" });
if (nodes.length > 40) {
  map.setAttribute("viewBox", `0 0 ${natural.width} ${natural.height}`);
  map.append(...nodes.map(({ at: [x, y, width, height] }) => makeSVG("rect", { x, y, width, height })), inView);
  const move = (event) => {
    const frame = map.getBoundingClientRect();
    canvas.scrollTo((event.clientX - frame.left) / frame.width * canvas.scrollWidth - canvas.clientWidth / 2,
      (event.clientY - frame.top) / frame.height * canvas.scrollHeight - canvas.clientHeight / 2);
  };
  map.addEventListener("pointerdown", move);
  map.addEventListener("pointermove", (event) => { if (event.buttons) move(event); });
  canvas.addEventListener("scroll", frameMap);
}

function frameMap() {
  const fits = natural.width * scale() <= canvas.clientWidth && natural.height * scale() <= canvas.clientHeight;
  map.toggleAttribute("hidden", nodes.length <= 40 || fits);
  const numbers = { x: canvas.scrollLeft, y: canvas.scrollTop, width: canvas.clientWidth, height: canvas.clientHeight };
  for (const [name, number] of Object.entries(numbers)) inView.setAttribute(name, number / scale());
}

/* ---- begin: nothing is computed yet */

for (const [place, node] of nodes.entries()) {
  if (node.children) fill(place, false);
  write(drawn[place].grad, UNKNOWN, 0);
}

const player = drive({
  last: steps.length - 1,
  show,
  place: (position) => `Step ${position} of ${steps.length - 1}`,
  parts: data.parts,
  pause: 1500,
  stops: () => grain,
  ask,
});
