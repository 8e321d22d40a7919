/* The surface player: a loss over one or two weights, and balls that go down it by the optimizers' rules.

   All is a function of the start, the balls' settings and the number of the step, and is computed anew when one changes. */

const given = () => structuredClone({ start: data.start, limits: data.limits, balls: data.balls, chosen: 0 });
let state = given();
const two = data.weights.length === 2;
const SIDE = clamp(Math.floor(Math.sqrt(90_000 / rows.length)), 41, 97);  // the places along each side of the map where the loss is computed
const LEVELS = 12;
const MOST_BALLS = 6;

/* ---- what happened to a ball */

/** What happened to a ball, in words, by the step shown; empty if nothing out of the way. */
function fateOf(ball, { moments, end }, position) {
  const last = moments.length - 1;
  const at = Math.min(position, last);
  const { w, loss: height } = moments[at];
  const place = data.weights.map((name, i) => `${name} = ${number(w[i])}`).join(", ");
  const { nesterov, momentum, dampening } = ball.options;
  if (nesterov && (momentum === 0 || dampening !== 0)) return `${ball.name}: the engine refuses nesterov without momentum or with dampening.`;
  if (end && at === last) return `${ball.name} ends after step ${last}, at ${place}: ${end}.`;
  if (Math.abs(height) > 1000 * Math.max(1, Math.abs(moments[0].loss))) return `${ball.name} diverges: after step ${at} the loss is ${number(height)}, at ${place}. A lower rate may help.`;
  if (!isInside(w)) return `${ball.name} is outside the picture: ${place}.`;
  return "";
}

/* ---- numbers and colours */

const series = (i) => `var(--mp-series-${(i % MOST_BALLS) + 1})`;
const evenly = ([low, high], count) => Array.from({ length: count }, (_, i) => low + (i * (high - low)) / (count - 1));

const SHAPES = [
  (x, y) => makeSVG("circle", { cx: x, cy: y, r: 7 }),
  (x, y) => makeSVG("rect", { x: x - 6, y: y - 6, width: 12, height: 12 }),
  (x, y) => makeSVG("path", { d: `M${x} ${y - 8}l8 14h-16z` }),
  (x, y) => makeSVG("path", { d: `M${x} ${y - 9}l9 9-9 9-9-9z` }),
  (x, y) => makeSVG("path", { d: `M${x - 3} ${y - 8}h6v5h5v6h-5v5h-6v-5h-5v-6h5z` }),
  (x, y) => makeSVG("path", { d: `M${x} ${y + 8}l8-14h-16z` }),
];

function shape(i, x, y) {
  const made = SHAPES[i % MOST_BALLS](x, y);
  made.setAttribute("class", "ball");
  made.style.fill = series(i);
  return made;
}

/* ---- the ground: a map of two weights, or the curve of one */

const EDGE = { left: 58, right: 12, top: 10, bottom: 40 };
let ground = null;  // the axes' scales, and the layers that the balls are drawn into
let relief = null;  // the heights of the ground in these limits

const isInside = (w) => w.every((each, i) => each >= state.limits[i][0] && each <= state.limits[i][1]);

/** The heights of the ground within the limits, and the levels of its lines, which are closer together near the lowest. */
function survey() {
  const [across, up] = state.limits.map((ends) => evenly(ends, two ? SIDE : 4 * SIDE + 1));
  const places = two ? up.flatMap((y) => across.map((x) => [x, y])) : across.map((x) => [x]);
  const found = heights(places);
  const finite = found.filter(Number.isFinite);
  const range = [finite.reduce((a, b) => Math.min(a, b), Infinity), finite.reduce((a, b) => Math.max(a, b), -Infinity)];
  if (!(range[0] < range[1])) { range[0] = Math.min(range[0], range[1]) || 0; range[1] = range[0] + 1; }
  const levels = Array.from({ length: LEVELS }, (_, i) => range[0] + (range[1] - range[0]) * ((i + 0.5) / LEVELS) ** 2.5);
  relief = { across, up, found, range, levels };
}

function layOut() {
  const map = element("map");
  const [width, height] = [map.clientWidth, map.clientHeight];
  if (width < 120 || height < 100) return;
  const { left, right, top, bottom } = EDGE;
  const room = (relief.range[1] - relief.range[0]) * 0.06;
  const upwards = two ? state.limits[1] : [relief.range[0] - room, relief.range[1] + room];
  const x = scale(state.limits[0], [left, width - right]);
  const y = scale(upwards, [height - bottom, top]);
  const picture = makeSVG("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": two ? "The loss as a map, with the balls" : "The loss as a curve, with the balls" });
  const box = { x: left, y: top, width: width - left - right, height: height - top - bottom };
  picture.append(makeSVG("clipPath", { id: "inside" }, makeSVG("rect", box)));
  if (two) picture.append(makeSVG("image", { ...box, preserveAspectRatio: "none", href: shades(), "aria-hidden": true }));
  picture.append(makeSVG("rect", { ...box, class: "axis" }));
  const lines = makeSVG("g", { "clip-path": "url(#inside)", class: "lines", "aria-hidden": true });
  if (two) for (const level of relief.levels) lines.append(makeSVG("path", { d: contour(level, x, y) }));
  else lines.append(makeSVG("path", { class: "curve", d: curve(x, y) }));
  picture.append(lines);
  for (const tick of ticks(state.limits[0], width / 90)) picture.append(
    makeSVG("path", { class: "tick", d: `M${x(tick)} ${height - bottom}v5` }),
    makeSVG("text", { x: x(tick), y: height - bottom + 18, "text-anchor": "middle" }, number(tick)));
  for (const tick of ticks(upwards, height / 60)) picture.append(
    makeSVG("path", { class: "tick", d: `M${left} ${y(tick)}h-5` }),
    makeSVG("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, number(tick)));
  picture.append(
    makeSVG("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle", class: "name" }, data.weights[0]),
    makeSVG("text", { x: 14, y: (top + height - bottom) / 2, "text-anchor": "middle", class: "name", transform: `rotate(-90 14 ${(top + height - bottom) / 2})` }, two ? data.weights[1] : "loss"));
  const trails = makeSVG("g", { "clip-path": "url(#inside)", "aria-hidden": true });
  const balls = makeSVG("g", { "aria-hidden": true });
  const ring = makeSVG("circle", { id: "ring", r: 11, tabindex: 0, role: "slider" });
  picture.append(trails, balls, ring);
  const had = document.activeElement?.id === "ring";
  map.replaceChildren(picture);
  if (had) ring.focus();
  ground = { width, height, x, y, upwards, trails, balls, ring };
}

/** The ground as a picture of bands, the higher the darker; where the loss is no number, it is left empty. */
function shades() {
  const across = 240;
  const [low, high] = [channels(colour("background")), channels(colour("loss-fill"))];
  const bands = relief.levels.map((_, i) => mix(low, high, (i + 1) / LEVELS));
  const canvas = make("canvas");
  canvas.width = canvas.height = across;
  const image = new ImageData(across, across);
  for (let j = 0; j < across; j++) for (let i = 0; i < across; i++) {
    const height = between((i * (SIDE - 1)) / (across - 1), ((across - 1 - j) * (SIDE - 1)) / (across - 1));
    if (!Number.isFinite(height)) continue;
    const band = relief.levels.findLastIndex((level) => level <= height);
    image.data.set([...(bands[band] ?? low), 255], 4 * (j * across + i));
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** The height between the surveyed places. */
function between(column, row) {
  const [i, j] = [column, row].map((each) => Math.min(Math.floor(each), SIDE - 2));
  const [s, t] = [column - i, row - j];
  const at = j * SIDE + i;
  const { found } = relief;
  return (1 - t) * ((1 - s) * found[at] + s * found[at + 1]) + t * ((1 - s) * found[at + SIDE] + s * found[at + SIDE + 1]);
}

/** The line of a level: in each cell of the survey, a piece between the sides that it crosses. */
function contour(level, x, y) {
  const { across, up, found } = relief;
  const pieces = [];
  for (let j = 0; j < SIDE - 1; j++) for (let i = 0; i < SIDE - 1; i++) {
    const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
    const crossings = [];
    corners.forEach(([a, b], k) => {
      const [c, d] = corners[(k + 1) % 4];
      const [here, there] = [found[b * SIDE + a], found[d * SIDE + c]];
      if ((here < level) === (there < level) || !Number.isFinite(here - there)) return;
      const share = (level - here) / (there - here);
      crossings.push(`${x(across[a] + share * (across[c] - across[a])).toFixed(1)} ${y(up[b] + share * (up[d] - up[b])).toFixed(1)}`);
    });
    for (let k = 0; k + 1 < crossings.length; k += 2) pieces.push(`M${crossings[k]}L${crossings[k + 1]}`);
  }
  return pieces.join("");
}

/** The loss over one weight; where it is no number, the line has a gap. */
function curve(x, y) {
  let pen = "M";
  return relief.across.map((w, i) => {
    if (!Number.isFinite(relief.found[i])) { pen = "M"; return ""; }
    const piece = `${pen}${x(w).toFixed(1)} ${y(relief.found[i]).toFixed(1)}`;
    pen = "L";
    return piece;
  }).join("");
}

/* ---- the balls on it */

const spotOf = ({ w, loss: height }) => [ground.x(w[0]), ground.y(two ? w[1] : height)];
const GRIP = 24;  // pixels: so near a pointer takes hold of the ring
const FAR = 1e5;  // pixels: so far a line is drawn, whatever the number

function drawBalls(position) {
  if (!ground) return;
  const { trails, balls, ring, width, height } = ground;
  trails.replaceChildren();
  balls.replaceChildren();
  state.balls.forEach((ball, i) => {
    const moments = ways[i].moments.slice(0, position + 1);
    const spots = moments.filter((each) => Number.isFinite(two ? 0 : each.loss)).map(spotOf).map((spot) => spot.map((each) => clamp(each, -FAR, FAR)));
    if (!spots.length) return;
    const trail = makeSVG("path", { d: `M${spots.map((spot) => spot.map((each) => each.toFixed(1)).join(" ")).join("L")}`, class: "trail" });
    trail.style.stroke = series(i);
    trails.append(trail);
    if (spots.length <= 80) for (const [x, y] of spots) {
      const dot = makeSVG("circle", { cx: x, cy: y, r: 2.5 });
      dot.style.fill = series(i);
      trails.append(dot);
    }
    const { w, g } = moments.at(-1);
    if (!two && i === state.chosen) trails.append(tangent(spots.at(-1), g[0]));
    const spot = [clamp(spots.at(-1)[0], EDGE.left, width - EDGE.right), clamp(spots.at(-1)[1], EDGE.top, height - EDGE.bottom)];
    const marker = shape(i, ...spot);
    if (spot.some((each, axis) => Math.abs(each - spots.at(-1)[axis]) > 1)) marker.classList.add("outside");
    balls.append(marker);
  });
  const start = ways[0].moments[0];
  const [x, y] = spotOf(start);
  ring.setAttribute("cx", clamp(x, EDGE.left, width - EDGE.right));
  ring.setAttribute("cy", clamp(Number.isFinite(y) ? y : EDGE.top, EDGE.top, height - EDGE.bottom));
  const words = data.weights.map((name, i) => `${name} = ${number(state.start[i])}`).join(", ");
  ring.setAttribute("aria-label", `Start: ${data.weights.join(", ")}`);
  ring.setAttribute("aria-valuemin", state.limits[0][0]);
  ring.setAttribute("aria-valuemax", state.limits[0][1]);
  ring.setAttribute("aria-valuenow", state.start[0]);
  ring.setAttribute("aria-valuetext", `${words}, loss ${number(start.loss)}`);
}

/** A piece of the line that the slope says: how the loss goes on, if it went on as here. */
function tangent([x, y], slope) {
  const run = (state.limits[0][1] - state.limits[0][0]) * 0.12;
  const rise = ground.y(slope * run) - ground.y(0);
  const across = ground.x(run) - ground.x(0);
  const share = Math.min(1, (0.25 * ground.height) / (Math.abs(rise) || 1));
  return makeSVG("path", { class: "tangent", d: `M${x - across * share} ${y - rise * share}L${x + across * share} ${y + rise * share}` });
}

/* ---- the race: the loss of each ball over the steps */

function drawRace(position) {
  const race = element("race");
  const [width, height] = [race.clientWidth, race.clientHeight];
  if (width < 120 || height < 40) return;
  const losses = ways.map(({ moments }) => moments.map((each) => each.loss));
  const top = 10 * Math.max(...losses.map(([first]) => Math.abs(first)).filter(Number.isFinite), 1e-9);  // what diverges leaves the picture
  const finite = losses.flat().filter((each) => Math.abs(each) <= top);
  const log = finite.every((each) => each > 0);
  const read = log ? (each) => Math.log10(Math.max(each, 1e-300)) : (each) => each;
  const seen = finite.map(read);
  const range = [Math.min(...seen), Math.max(...seen)];
  if (!(range[0] < range[1])) { range[0] -= 1; range[1] += 1; }
  const x = scale([0, data.steps], [EDGE.left, width - EDGE.right]);
  const y = scale(range, [height - 18, 8]);
  const picture = makeSVG("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `The loss of each ball over the steps${log ? ", on a logarithmic scale" : ""}` });
  for (const end of range) picture.append(makeSVG("text", { x: EDGE.left - 8, y: y(end) + 4, "text-anchor": "end" }, number(log ? 10 ** end : end, 2)));
  for (const end of [0, data.steps]) picture.append(makeSVG("text", { x: x(end), y: height - 3, "text-anchor": end ? "end" : "start" }, end ? `step ${end}` : "0"));
  picture.append(
    makeSVG("text", { x: (EDGE.left + width - EDGE.right) / 2, y: height - 3, "text-anchor": "middle", class: "name" }, log ? "loss over the steps (log)" : "loss over the steps"),
    makeSVG("clipPath", { id: "lane" }, makeSVG("rect", { x: EDGE.left, y: 4, width: width - EDGE.left - EDGE.right, height: height - 20 })));
  const lines = makeSVG("g", { "clip-path": "url(#lane)" });
  losses.forEach((heights, i) => {
    const spots = heights.filter(Number.isFinite).map((each, t) => `${x(t).toFixed(1)} ${clamp(y(read(each)), -FAR, FAR).toFixed(1)}`);
    const line = makeSVG("path", { class: "trail", d: spots.length ? `M${spots.join("L")}` : "" });
    line.style.stroke = series(i);
    lines.append(line);
  });
  picture.append(lines, makeSVG("path", { class: "cursor", d: `M${x(position)} 4V${height - 16}` }));
  race.replaceChildren(picture);
}

/* ---- the numbers and the rule's words */

const cell = (tag, x) => {
  const made = make(tag, "", number(x));
  made.title = String(x);
  return made;
};

function drawTable(position) {
  const head = make("tr", "", ...["ball", "step", "loss", ...data.weights, ...data.weights.map((name) => `dL/d${name}`)].map((name) => {
    const made = make("th", "", name);
    made.scope = "col";
    return made;
  }));
  const lines = state.balls.map((ball, i) => {
    const { moments } = ways[i];
    const at = Math.min(position, moments.length - 1);
    const { w, g, loss: height } = moments[at];
    const key = makeSVG("svg", { viewBox: "0 0 20 20", "aria-hidden": true }, shape(i, 10, 10));
    const button = make("button", "", key, ball.name);
    button.type = "button";
    button.setAttribute("aria-pressed", i === state.chosen);
    button.title = "Show this ball's last step below";
    button.addEventListener("click", () => { state.chosen = i; refresh(); element("table").rows[i + 1].querySelector("button").focus(); element("worked").scrollIntoView({ block: "nearest" }); });
    const name = make("th", "", button);
    name.scope = "row";
    return make("tr", "", name, make("td", "", String(at)), ...[height, ...w, ...g].map((x) => cell("td", x)));
  });
  element("table").replaceChildren(make("thead", "", head), make("tbody", "", ...lines));
}

/** The last step of the chosen ball, line by line of its rule, for each weight. */
function drawWords(position) {
  const ball = state.balls[state.chosen];
  const { moments } = ways[state.chosen];
  const at = Math.min(position, moments.length - 1);
  const { lines } = moments[at];
  const heading = make("h2", "", lines ? `Step ${at} of ${ball.name}, by the rule of ${RULES[ball.rule].name}` : `Before the first step of ${ball.name}`);
  const parts = (lines ?? []).map((each, i) => make("div", "",
    make("h3", "", `${data.weights[i]}, with g = ${number(moments[at - 1].g[i])}`),
    make("ol", "", ...each.map((line) => make("li", "", line.text)))));
  const batch = ball.batch < rows.length ? make("p", "", `This step took ${ball.batch} of ${rows.length} examples.`) : "";
  element("worked").replaceChildren(heading, ...(lines ? [batch, ...parts] : [make("p", "", "Press play, or → for one step.")]));
}

function drawTold(position) {
  const found = state.balls.map((ball, i) => fateOf(ball, ways[i], position)).filter(Boolean);
  const told = element("told");
  if (told.dataset.said === found.join()) return;
  told.dataset.said = found.join();
  told.replaceChildren(...found.map((words) => make("p", "", words)));
}

/* ---- a ball's settings */

/** What is wrong with an option's number, in words; empty if nothing is. */
function wrongWith(name, value) {
  if (!Number.isFinite(value)) return `${name} is a number`;
  if (data.decays.includes(name)) return value >= 0 && value < 1 ? "" : `${name} must be at least 0 and below 1: it is the share that is kept`;
  if (name === "batch") return Number.isInteger(value) && value >= 1 && value <= rows.length ? "" : `a step takes 1 to ${rows.length} examples`;
  return name === "dampening" || value >= 0 ? "" : `${name} must be at least 0`;
}

/** A field for a number of a ball: `set` gets what is typed, if nothing is wrong with it. */
function field(label, name, value, set, step = "any") {
  const input = make("input");
  Object.assign(input, { type: "number", step, value });
  const words = make("span", "wrong");
  words.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const typed = input.valueAsNumber;
    words.textContent = wrongWith(name, typed);
    input.setAttribute("aria-invalid", words.textContent !== "");
    if (!words.textContent) { set(typed); refresh(); }
  });
  return { input, label: make("label", "", make("span", "", label), input, words) };
}

/** The rate as a slider over powers of ten, and as a number beside it. */
function rateOf(ball) {
  const slider = make("input");
  const middle = Math.round(Math.log10(ball.lr || 0.1));
  Object.assign(slider, { type: "range", min: middle - 2, max: middle + 2, step: 0.01, value: Math.log10(ball.lr || 1e-9) });
  slider.setAttribute("aria-label", `learning rate of ${ball.name}`);
  slider.setAttribute("aria-valuetext", number(ball.lr));
  const { input, label } = field("rate", "rate", ball.lr, (typed) => { ball.lr = typed; slider.value = Math.log10(typed || 1e-9); });
  slider.addEventListener("input", () => {
    ball.lr = Number((10 ** slider.valueAsNumber).toPrecision(3));
    input.value = ball.lr;
    slider.setAttribute("aria-valuetext", number(ball.lr));
    refresh();
  });
  return make("div", "rate", label, slider);
}

function optionOf(ball, name) {
  const value = ball.options[name];
  if (typeof value !== "boolean") return field(name, name, value, (typed) => { ball.options[name] = typed; }).label;
  const box = make("input");
  box.type = "checkbox";
  box.checked = value;
  box.addEventListener("change", () => { ball.options[name] = box.checked; refresh(); });
  return make("label", "switch", box, name);
}

function card(ball, i) {
  const select = make("select", "", ...Object.keys(RULES).map((rule) => new Option(RULES[rule].name, rule, false, rule === ball.rule)));
  select.setAttribute("aria-label", `rule of ${ball.name}`);
  select.addEventListener("change", () => {
    state.balls[i] = fresh(select.value, ball.batch);
    redraw();
    element("balls").children[i].querySelector("select").focus();
  });
  const remove = make("button", "", "×");
  remove.type = "button";
  remove.setAttribute("aria-label", `Take ${ball.name} away`);
  remove.addEventListener("click", () => {
    state.balls.splice(i, 1);
    state.chosen = 0;
    redraw();
    element("add").focus();
  });
  const key = makeSVG("svg", { viewBox: "0 0 20 20", "aria-hidden": true }, shape(i, 10, 10));
  const usual = RULES[ball.rule].options;
  const more = make("details", "", make("summary", "", "options"),
    make("div", "options", ...Object.keys(ball.options).map((name) => optionOf(ball, name))));
  more.open = Object.keys(usual).some((name) => ball.options[name] !== usual[name]);
  const batch = rows.length > 1 ? [field("examples a step", "batch", ball.batch, (typed) => { ball.batch = typed; }, 1).label] : [];
  const made = make("section", "card", make("div", "head", key, make("h2", "", ball.name), select, ...(state.balls.length > 1 ? [remove] : [])),
    rateOf(ball), make("div", "foot", ...batch, more));
  made.setAttribute("aria-label", ball.name);
  made.style.setProperty("--mine", series(i));
  return made;
}

/** A ball with a rule's own defaults. */
function fresh(rule, batch) {
  const { name: usual, lr, options } = RULES[rule];
  const taken = state.balls.map((each) => each.name);
  let name = usual;
  for (let i = 2; taken.includes(name); i++) name = `${usual} ${i}`;
  return { name, rule, batch, lr, options: { ...options } };
}

/* ---- all together */

let ways = [];
const player = {};

/** Goes all the ways anew, and shows the step that is shown. */
function refresh() {
  ways = state.balls.map((ball) => wayOf(ball, state.start));
  show(player.here?.() ?? 0);
}

/** The same, after the balls or the ground have become others. */
function redraw() {
  survey();
  layOut();
  element("balls").replaceChildren(...state.balls.map(card));
  element("add").disabled = state.balls.length >= MOST_BALLS;
  refresh();
}

function show(position) {
  drawBalls(position);
  drawRace(position);
  drawTable(position);
  drawWords(position);
  drawTold(position);
  return state.balls.map((ball, i) => {
    const { moments } = ways[i];
    const { w, loss: height } = moments[Math.min(position, moments.length - 1)];
    return `${ball.name}: ${data.weights.map((name, k) => `${name} = ${number(w[k])}`).join(", ")}, loss ${number(height)}.`;
  }).join(" ");
}

/* ---- the start is put, dragged or pushed */

let waiting = 0;

function putStart(place) {
  state.start = place.map((each, i) => clamp(Number(each.toPrecision(4)), ...state.limits[i]));
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(refresh);
}

/** Where in the ground's own numbers a pointer is. */
function pointedAt(event) {
  const box = element("map").getBoundingClientRect();
  const x = scale([EDGE.left, ground.width - EDGE.right], state.limits[0])(event.clientX - box.left);
  const y = scale([ground.height - EDGE.bottom, EDGE.top], ground.upwards)(event.clientY - box.top);
  return two ? [x, y] : [x];
}

const isNearRing = (event) => {
  const box = ground.ring.getBoundingClientRect();
  return Math.hypot(event.clientX - (box.left + box.right) / 2, event.clientY - (box.top + box.bottom) / 2) < GRIP;
};

function begin() {
  const map = element("map");
  let held = false;
  map.addEventListener("pointerdown", (event) => {
    if (event.button || !ground || (event.pointerType === "touch" && !isNearRing(event))) return;
    event.preventDefault();
    ground.ring.focus({ preventScroll: true });
    held = true;
    try { map.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
    if (isNearRing(event)) return;
    player.go(0);
    putStart(pointedAt(event));
  });
  map.addEventListener("pointermove", (event) => {
    if (!ground) return;
    const place = pointedAt(event);
    if (held) putStart(place);
    const inside = isInside(place);
    const names = data.weights.map((name, i) => `${name} = ${number(place[i])}`).join(", ");
    element("point").textContent = inside ? `Here ${names}, and the loss is ${number(heights([place])[0])}.` : element("point").dataset.hint;
  });
  map.addEventListener("touchstart", (event) => { if (ground && isNearRing(event.touches[0])) event.preventDefault(); }, { passive: false });
  map.addEventListener("click", (event) => {  // a finger that only scrolls puts nothing anywhere
    if (event.pointerType !== "touch" || !ground || isNearRing(event)) return;
    player.go(0);
    putStart(pointedAt(event));
  });
  for (const kind of ["pointerup", "pointercancel"]) map.addEventListener(kind, () => { held = false; });
  map.addEventListener("pointerleave", () => { element("point").textContent = element("point").dataset.hint; });
  map.addEventListener("keydown", (event) => {
    const axis = { ArrowLeft: 0, ArrowRight: 0, ArrowUp: 1, ArrowDown: 1 }[event.key];
    if (axis === undefined || event.target.id !== "ring") return;
    event.preventDefault();
    event.stopPropagation();
    const way = ["ArrowRight", "ArrowUp"].includes(event.key) ? 1 : -1;
    const place = [...state.start];
    const moved = two ? axis : 0;
    place[moved] += (way * (state.limits[moved][1] - state.limits[moved][0])) / (event.shiftKey ? 400 : 40);
    putStart(place);
  });
  const zoom = (factor) => {
    state.limits = state.limits.map(([low, high]) => {
      const [middle, half] = [(low + high) / 2, ((high - low) / 2) * factor];
      return [middle - half, middle + half];
    });
    survey();
    layOut();
    show(player.here());
  };
  element("smaller").addEventListener("click", () => zoom(1.5));
  element("larger").addEventListener("click", () => zoom(1 / 1.5));
  element("add").addEventListener("click", () => {
    state.balls.push(fresh(state.balls.at(-1).rule, state.balls.at(-1).batch));
    redraw();
    element("balls").lastChild.querySelector("select").focus();
  });
  element("back").addEventListener("click", () => { state = given(); player.go(0); redraw(); });
  element("point").dataset.hint = "Drag the ring: all balls start there.";
  element("point").textContent = element("point").dataset.hint;
  redraw();
  const tens = Array.from({ length: Math.ceil(data.steps / 10) }, (_, i) => ({ at: 10 * i }));
  Object.assign(player, drive({ last: data.steps, show, parts: tens, pause: 250, place: (position) => `Step ${position} of ${data.steps}` }));
  addEventListener("themechange", () => { layOut(); show(player.here()); });
  new ResizeObserver(() => { layOut(); show(player.here()); }).observe(map);
  document.body.dataset.ready = "yes";
}

begin();
