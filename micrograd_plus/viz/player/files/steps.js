/* The step player: fills values going forward, adds up gradients going backward, and writes the arithmetic of each step. */

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

const UNKNOWN = "·";
const ROOM = 88;  // in a cell, at 11 pixels a letter; more letters must be smaller

function write(cell, text) {
  if (!cell) return;
  const words = cell.querySelector("text");
  if (words.textContent === text) return;
  words.textContent = text;
  words.style.fontSize = text.length > 8 ? `${ROOM / text.length}px` : "";
}

const writeValue = (node, x) => write(drawn[node].value, x === undefined ? UNKNOWN : number(x));

function writeGrad(node, x) {
  const cell = drawn[node].grad;
  write(cell, x === undefined ? UNKNOWN : signed(number(x)));
  if (cell) cell.firstElementChild.style.fill = tinted(x);
}

/* ---- what a step changes, forwards and backwards in time */

function apply(position) {
  const { kind, node, child, operand } = steps[position];
  const { after } = now().found[position];
  if (kind === "forward") fillBox(node, true);
  if (kind === "seed") writeGrad(root, after);
  if (kind === "backward") {
    writeGrad(child, after);
    drawn[node].edges[operand].classList.add("walked");
  }
  if (kind === "update") writeValue(node, after);
}

function undo(position) {
  const { kind, node, child, operand } = steps[position];
  const { before } = now().found[position];
  if (kind === "forward") fillBox(node, false);
  if (kind === "seed") writeGrad(root);
  if (kind === "backward") {
    writeGrad(child, before);
    drawn[node].edges[operand].classList.toggle("walked", false);
  }
  if (kind === "update") writeValue(node, before);
}

function fillBox(node, known) {
  const { box, sign, result, edges } = drawn[node];
  for (const part of [box, sign, result, ...edges]) part.classList.toggle("ahead", !known);
  writeValue(node, known ? now().values[node] : undefined);
}

/* All numbers as they are after a step: what the steps up to there have found. */
function paint(position) {
  const { values, found } = now();
  const known = nodes.map(({ children }, node) => (children ? undefined : values[node]));
  const grads = [];
  for (const [at, { kind, node, child }] of steps.slice(0, position + 1).entries()) {
    if (kind === "forward" || kind === "update") known[node] = found[at].after;
    if (kind === "seed" || kind === "backward") grads[child ?? node] = found[at].after;
  }
  for (const [node, { unnamed }] of nodes.entries()) {
    writeValue(node, known[node]);
    writeGrad(node, grads[node]);
    if (unnamed) drawn[node].box.querySelector("text").textContent = short(node);
  }
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
  for (; shown < position; shown++) apply(shown + 1);
  for (; shown > position; shown--) undo(shown);
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
  tellLosses();
  asked = null;
  return played.length > 1 ? explainAll(since(position), position) : explain(position);
}

/** The same step, with the numbers of now. */
function redraw() {
  paint(shown);
  refreshList();
  return show(shown);
}

function refollow() {
  if (shown >= 0) follow([...lit(steps[shown]).now, ...lit(steps[shown]).with]);
}

/* ---- the words of a step */

function work(...paragraphs) {
  const worked = paragraphs.filter(([, , parts]) => parts.length).map(([tag, name, parts]) => make(tag, name, ...parts));
  element("worked").replaceChildren(...worked);
  element("worked").scrollTop = 0;
  return worked.map((paragraph) => paragraph.textContent).join(" ");
}

function explain(position) {
  const { what, line, why, note } = told(position);
  return work(["p", "what", what], ["p", "line", line], ["div", "why", why], ["div", "note", note]);
}

function explainAll(from, to) {
  const kind = { forward: "Forward", backward: "Backward" }[steps[from].kind] ?? "Update";
  const lines = Array.from({ length: to - from + 1 }, (_, i) => ["p", "each", [oneLine(from + i)]]);
  return work(["p", "what", [`${kind}: ${lines.length} steps at once`]], ...lines);
}

/* ---- a node that is pressed: where its number came from, and its gradient as a sum of paths */

function inspect(node) {
  const found = steps.map((step, at) => ({ ...step, ...now().found[at], at }));
  const played = found.slice(0, shown + 1);
  const made = played.find((step) => step.kind === "forward" && step.node === node);
  const uses = played.filter((step) => step.kind === "backward" && step.child === node);
  const missing = (uses[0]?.turns ?? 0) - uses.length;
  const paths = missing ? [] : data.paths[node] ?? [];
  const asPath = (by, i) => {
    const way = by.map((at) => found[at]);
    const symbols = way.flatMap((step) => [" * ", local(step)]).slice(1);
    const numbers = way.map((step) => bracketed(number(step.partial))).join(" * ");
    return ["p", "each", [`path ${i + 1}: `, ...symbols, ` = ${numbers} = `, sum(way.reduce((whole, { partial }) => whole * partial, 1))]];
  };
  const asUse = (step) => ["p", "each", ["through ", named(step.node), ": ", quantity(1, derivative(root, step.node)), " * ",
    quantity(2, local(step)), " = ", quantity(1, number(step.upstream)), " * ", quantity(2, bracketed(number(step.partial))), " = ",
    sum(step.product, true)]];
  const leaf = !nodes[node].children;
  const value = made ? told(made.at).line : [leaf ? `${short(node)} = ${number(now().values[node])}, ${origin(node)}` : "Its value is still to come."];
  const begun = node === root && played.some(({ kind }) => kind === "seed");
  const many = paths.length > 1 ? `, the sum over ${paths.length} paths:` : uses.length > 1 ? `, the sum over ${uses.length} uses:` : ":";
  const grad = begun ? sentences.seed().line
    : uses.length ? [derivative(root, node), " = ", sum(uses.at(-1).after, true), missing ? ` so far; ${missing} to come:` : many]
    : ["No gradient has come here."];
  const ways = begun ? [] : paths.length && uses.length ? paths.map(asPath) : uses.map(asUse);
  element("live").textContent = work(["p", "what", ["Where ", named(node), " came from"]], ["p", "each", value], ["p", "each", grad], ...ways);
  choose(node);
}

const origin = (leaf) => (Object.is(now().values[leaf], given[leaf]) ? "as it was given" : passes.length > 1 && weights.has(leaf) ? "as the update left it" : "as you gave it");
const weights = new Set(steps.filter(({ kind }) => kind === "update").map(({ node }) => node));

/* Boxes are pressed by hand or by key: one of them has the focus, N and Shift+N hand it on. */
let focused = root;
for (const [place, { box }] of drawn.entries()) {
  box.setAttribute("role", "button");
  box.setAttribute("tabindex", place === focused ? 0 : -1);
  box.setAttribute("aria-label", fullName(place));
  if (short(place) !== fullName(place)) box.prepend(makeSVG("title", {}, fullName(place)));
  box.addEventListener("click", () => { handOn(place); inspect(place); });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    inspect(place);
  });
}
svg.setAttribute("role", "group");
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || element("help").open || event.target.matches("select, input")) return;
  if (event.key.toLowerCase() === "n") handOn(focused + (event.shiftKey ? -1 : 1));
});

function handOn(place) {
  drawn[focused].box.setAttribute("tabindex", -1);
  focused = (place + nodes.length) % nodes.length;
  const { box } = drawn[focused];
  box.setAttribute("tabindex", 0);
  box.focus({ preventScroll: true });
  follow([focused]);
}

/* ---- predict first: the next number is asked for before it is shown */

let asked = null;
let predicting = false;

function ask(position) {
  if (!predicting || asked === position) return false;
  const { product, after } = now().found[position];
  if (after === undefined) return false;
  const wanted = number(product ?? after);
  asked = position;
  const { what, line } = told(position);
  const answer = make("input", "");
  const form = make("form", "line", ...line.slice(0, -1), answer, make("button", "", "Answer"));
  answer.setAttribute("aria-label", "Your number");
  answer.inputMode = "text";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = parsed(answer.value);
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

/** What was typed, as a number, or NaN. */
const parsed = (text) => (text.trim() === "" ? NaN : Number(text.trim().replace(",", ".").replace("−", "-")));

/* Predicting goes by single steps: choosing one ends the other. */
function playBy(choice, predict) {
  grain = data.grains[choice].stops;
  element("grain").value = choice;
  predicting = predict;
  element("predict").setAttribute("aria-pressed", predict);
}
element("grain").append(...data.grains.map(({ name }, i) => new Option(name, i)));
element("grain").addEventListener("change", (event) => playBy(event.target.value, predicting && event.target.value === "0"));
element("predict").addEventListener("click", () => playBy(predicting ? element("grain").value : 0, !predicting));

/* ---- all steps as a list, made when it is opened */

const list = document.querySelector("#all ol");
let stale = true;

function oneLine(position) {
  const { what, line } = told(position);
  return make("span", "", ...(line.length ? line : what));
}

function fillList() {
  if (!stale || !element("all").open) return;
  stale = false;
  list.replaceChildren(...steps.map((_, position) => {
    const link = make("a", "", oneLine(position));
    link.href = `#${position}`;
    link.addEventListener("click", (event) => { event.preventDefault(); player.go(position); });
    return make("li", "", link);
  }));
  mark(shown);
}
element("all").addEventListener("toggle", fillList);

/** Writes the list anew soon, and not for each number that goes by. */
let waiting = null;
function refreshList() {
  stale = true;
  clearTimeout(waiting);
  waiting = setTimeout(fillList, 150);
}

function mark(position) {
  list.querySelector("[aria-current]")?.removeAttribute("aria-current");
  list.children[position]?.setAttribute("aria-current", "step");
}
