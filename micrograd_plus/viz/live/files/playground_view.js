/* All together: the runs, the clock that trains them, and what is drawn when. */

const MAP = 40;  // cells along each side of the plane
const OWN_RANGES = [[-1.2, 1.2], [-1.2, 1.2]];
const BUDGET = 6;  // ms of a frame that may go into training
const PATIENCE = 250;  // ms between pictures where less motion is asked for
const SHARE = 3;  // pictures wait this many times as long as they take
const OFTEN = 100;  // ms between texts while playing

const slots = [];  // the runs: {run, marks: iterations at which a setting changed, start: figures at iteration 0, place, rows}
let shown = 0;
let blocked = "";  // why nothing can be trained now
let refused = "";  // what the engine said against the last change
let picked = null;
let pointed = null;

const slot = () => slots[shown];
const position = () => Math.max(...slots.map(({ run }) => run.at.iteration));
const furthest = () => Math.max(...slots.map(({ run }) => run.furthest));

/* ---- making runs */

function slotOf(run, place, from = null) {
  return { run, place, marks: from ? [...from.marks] : [], start: from ? from.start : run.measure(), rows: null };
}

/** Starts the shown run anew with some settings changed. The data is common: where it changes, all runs start anew. */
function restart(changes) {
  const { config } = slot().run;
  const own = { ...config, ...changes, ...(changes.data ? { loss: "" } : {}), model: { ...config.model, ...changes.model } };
  const isCommon = ["data", "validation", "seed"].some((name) => name in changes);
  const configOf = (each) => {
    if (each === slot()) return own;
    const { data, validation, seed } = own;
    return { ...each.run.config, data, validation, seed, ...(changes.data ? { loss: "" } : {}) };
  };
  let fresh;
  try {
    fresh = slots.map((each) => (each === slot() || isCommon ? slotOf(Engine.createRun(configOf(each)), each.place) : each));
  } catch (error) {
    if (changes.data?.name !== "points") throw error;
    blocked = sentence(error.message);  // more points will come
    pause();
    return take();
  }
  blocked = "";
  slots.splice(0, slots.length, ...fresh);
  go(0, true);
  take();
}

/** Changes settings of the shown run from the shown iteration on. */
function change(changes) {
  const { run, marks } = slot();
  run.change(changes);
  const at = run.at.iteration;
  slot().marks = marks.filter((mark) => mark < at).concat(at ? [at] : []);
  take();
}

function fork() {
  if (slots.length > 1) return;
  slots.push(slotOf(slot().run.fork({}), 1, slot()));
  shown = 1;
  take();
  announce("A second run, B, goes on from here. Change one of its settings, then play.");
}

function keep() {
  slots.splice(0, slots.length, { ...slot(), place: 0 });
  shown = 0;
  take();
}

/* ---- moving through the iterations */

/** Goes to an iteration that is kept; all runs go there as far as they have come. */
function go(iteration, playing = false) {
  if (!playing) pause();
  for (const each of slots) {
    each.run.goTo(clamp(Math.round(iteration), 0, each.run.furthest));
    each.rows = null;
  }
  wake();
}

/** One iteration of every run; false if none can go on. */
function step() {
  if (blocked) return false;
  const target = position() + 1;
  let isMoved = false;
  for (const each of slots) {
    const { run } = each;
    while (run.at.iteration < target) {
      const made = run.iteration();
      if (!made) break;
      each.rows = made.rows;
      isMoved = true;
    }
  }
  return isMoved;
}

function oneStep() {
  pause();
  step();
  settle();
}

function oneEpoch() {
  pause();
  const { run } = slot();
  do { if (!step()) break; } while (run.at.batch < run.batches);
  settle();
}

function epochBack() {
  const { epochs } = slot().run.history;
  go(epochs.findLast((epoch) => epoch.iteration < position())?.iteration ?? 0);
  settle();
}

/* ---- the clock */

const clock = { playing: false, waiting: false, last: 0, debt: 0, pictures: 0, texts: 0, cost: 4, frame: 0 };

function play() {
  if (blocked) return announce(blocked);
  refused = "";
  Object.assign(clock, { playing: true, last: performance.now(), debt: 1 });
  document.body.classList.add("playing");
  element("play").setAttribute("aria-label", "Pause");
  wake();
}

function pause() {
  if (!clock.playing) return;
  clock.playing = false;
  document.body.classList.remove("playing");
  element("play").setAttribute("aria-label", "Play");
}

function toggle() {
  if (clock.playing) pause(); else play();
  settle();
}

/** Asks for a frame; while paused everything is drawn in it. */
function wake() {
  if (clock.waiting) return;
  clock.waiting = true;
  requestAnimationFrame(frame);
}

function frame(now) {
  clock.waiting = false;
  const began = performance.now();
  if (clock.playing) train(now, began);
  const { playing } = clock;
  drawQuick();
  if (!playing || now - clock.pictures >= (calm.matches ? PATIENCE : SHARE * clock.cost)) {
    const from = performance.now();
    drawPictures();
    clock.cost = 0.7 * clock.cost + 0.3 * (performance.now() - from);
    clock.pictures = now;
  } else if (now - clock.texts >= OFTEN) {
    drawTexts();
    clock.texts = now;
  }
  if (!playing) drawTexts();
  else {
    clock.frame = 0.9 * clock.frame + 0.1 * (performance.now() - began);
    wake();
  }
}

function train(now, began) {
  clock.debt += (Number(element("speed").value) * Math.min(100, Math.max(0, now - clock.last))) / 1000;
  clock.last = now;
  while (clock.debt >= 1 && performance.now() - began < BUDGET) {
    clock.debt -= 1;
    if (!step()) { pause(); settle(); }
    if (!clock.playing) break;
  }
  clock.debt = Math.min(clock.debt, 2);
}

/* ---- drawing */

let said = null;  // what the neurons say of the plane, when it was last asked
let wanted = null;  // the data that was asked for, also where nothing can be trained on it
const network = networkView({ pick, point: (thing) => { pointed = thing; wake(); }, resize: (...asked) => controls.resize(...asked) });
const plane = planeView({ put: (point) => controls.put(point), look: () => wake(), isOpen: () => wanted?.name === "points" });
const curves = curvesView({ go });
const inspector = inspectorView({ pick });
const refuse = (words) => { refused = words && sentence(words); wake(); };
const controls = settingsView({ refuse, settings: () => ({ ...slot().run.config, data: wanted }), rows: () => slot().run.data.train.length, change, restart });

function pick(thing) {
  picked = thing;
  network.choose(thing);
  wake();
}

/** Takes the shown run into all views: after a start, a change, a fork, another choice of run. */
function take() {
  const { run } = slot();
  said = null;
  wanted = blocked ? { name: "points" } : run.config.data;
  if (picked && (picked.parameter >= run.parameters.length || picked.node >= run.network.nodes.length)) pick(null);
  network.take(run, run.config.model.kind === "mlp");
  network.choose(picked);
  plane.take(blocked ? drawnData() : run.data, wanted.name === "points" ? OWN_RANGES : null);
  element("plane-panel").hidden = run.data.width > 2;
  element("plane-title").textContent = run.data.width === 1 ? "What it says along the line" : "What it says of the plane";
  controls.show();
  controls.losses(run.data, run.loss);
  const isOfClasses = "accuracy" in run.measure().training;
  for (const head of document.querySelectorAll("#figures thead tr:last-child th:nth-child(even)")) head.textContent = isOfClasses ? "accuracy" : "mean error";
  drawLegend();
  drawRuns();
  wake();
}

/* The learner's own points while they are too few to train on. */
function drawnData() {
  const { inputs, targets } = controls.points();
  return { inputs: Float64Array.from(inputs.flat()), targets, n: targets.length, width: 2, classes: ["0", "1"], features: ["x1", "x2"], train: targets.map((_, row) => row), validation: [] };
}

/* What a frame always shows. */
function drawQuick() {
  const { run } = slot();
  const { epoch, batch, iteration } = run.at;
  network.drawWeights();
  const words = iteration ? `epoch ${epoch} · batch ${batch} of ${run.batches} · iteration ${iteration}` : "before the first iteration";
  element("where").textContent = words;
  const slider = element("slider");
  slider.max = Math.max(1, furthest());
  slider.value = position();
  slider.setAttribute("aria-valuetext", `iteration ${position()} of ${furthest()}`);
  for (const id of ["first", "previous"]) element(id).setAttribute("aria-disabled", position() === 0);
  element("last").setAttribute("aria-disabled", position() === furthest());
}

/* The plane and what each neuron says of it. */
function drawPictures() {
  const { run } = slot();
  network.mark(run.at.iteration ? run.dropped() : null);
  if (run.data.width === 2) {
    const [x, y] = plane.ranges();
    const size = { size: MAP, x, y };
    const lines = slots.filter((each) => each !== slot()).map((each) => ({ place: each.place, pieces: bordersOf(each.run, each.run.plane(size)) }));
    const found = run.plane(size);
    if (blocked) plane.colourIn({ ...found, decision: new Float64Array(MAP * MAP) }, []);
    else plane.colourIn(found, [...lines, { place: slot().place, pieces: bordersOf(run, found) }]);
    plane.ring(!clock.playing && slot().rows && slot().rows.length < run.data.train.length ? new Set(slot().rows) : null);
    plane.draw();
    network.drawMaps(found);
    said = found;
  } else {
    network.drawMaps(said = null);
    if (run.data.width > 1) return;
    plane.colourIn(null, slots.filter((each) => each.run.data.width === 1).map((each) => ({ place: each.place, pieces: fitOf(each.run, plane.ranges()) })));
    plane.draw();
  }
}

/* Numbers and curves: not in every frame, for nobody can read them so fast. */
function drawTexts() {
  const { run } = slot();
  const point = plane.point();
  inspector.show(pointed ?? picked, run, point, said);
  network.say(point ? run.values(point) : null);
  if (!clock.playing) network.name();
  curves.draw(slots, position(), element("log").checked);
  drawFigures();
  drawReadout(point);
  drawStopped();
  if (element("noisy").open) drawNoise();
  if (element("python").open) drawPython();
  element("times").textContent = [
    ...(run.time.mean ? [`${number(run.time.mean, 2)} ms an iteration`] : []),
    ...(clock.frame ? [`${clock.frame.toFixed(1)} of 16.7 ms a frame`] : []),
  ].join(" · ");
}

function drawFigures() {
  const rows = slots.map((each) => {
    const { training, validation } = each.run.measure();
    const cells = [training, validation].flatMap((figures) => (figures ? told(figures) : ["none", ""])).map((text) => make("td", "", text));
    const name = make("th", "", key(each.place), slots.length > 1 ? ` ${letter(each)}` : make("span", "for-ears", "now"));
    name.scope = "row";
    return make("tr", "", name, ...cells);
  });
  element("figures").tBodies[0].replaceChildren(...rows);
}

const told = ({ loss, accuracy, error }) => [number(loss), accuracy === undefined ? number(error) : `${(100 * accuracy).toFixed(1)} %`];

function drawReadout(point) {
  const { run } = slot();
  if (!point || blocked) { element("readout").textContent = blocked ? " " : "Point at the plane to read it."; return; }
  const { outputs, chances, class: said } = run.outputs(point);
  const verdict = said < 0 ? `says ${number(outputs[0])}` : `says “${run.data.classes[said]}”${chances ? `, ${percent(chances[said])} sure` : ""}`;
  element("readout").textContent = `At ${point.map((x, i) => `${run.data.features[i]} = ${number(x, 2)}`).join(", ")} it ${verdict}`;
}

function drawStopped() {
  const stops = slots.filter(({ run }) => run.stopped && run.at.iteration >= run.stopped.iteration - 1);
  const words = refused || blocked || stops.map((each) => `${slots.length > 1 ? `Run ${letter(each)}: ` : ""}${sentence(each.run.stopped.message)}`).join(" ");
  if (element("stopped").textContent !== words) element("stopped").textContent = words;
}

function drawPython() {
  const [program, words] = [element("python").lastElementChild, inPython(slot().run, slot().marks.length > 0)];
  if (program.textContent !== words) program.textContent = words;  // else a selection in it would go
}

function drawNoise() {
  const { run } = slot();
  const words = drawNeedles(run.noise(), run.at.batch - 1);
  element("noisy").lastElementChild.textContent = words;
  element("needles").setAttribute("aria-label", words);
}

/* ---- legends */

const letter = (each) => "AB"[each.place];

/** A piece of a run's line. */
function key(place) {
  const made = make("i", "key");
  made.style.setProperty("--mine", `var(--mp-${runColour(place)})`);
  return made;
}

function drawLegend() {
  const data = blocked ? drawnData() : slot().run.data;
  const marks = data.classes.map((name, kind) => ({ mark: make("canvas", "mark"), kind, name }));
  const sides = data.classes.length || data.width === 1 ? [] : ["blue: above the mean, orange: below"];
  element("legend").replaceChildren(...sides.map((words) => make("span", "", words)), ...marks.map(({ mark, name }) => make("span", "", mark, ` ${name}`)),
    ...(data.validation.length ? [make("span", "", "hollow: validation")] : []));
  for (const { mark, kind } of marks) drawPoint(sharp(mark).pen, kind, data.classes.length, 6, 6);
  for (const mark of document.querySelectorAll("#pens canvas")) drawPoint(sharp(mark).pen, Number(mark.dataset.kind), 2, 6, 6);
  element("curve-legend").replaceChildren(make("span", "", "thick: training"), make("span", "", "dashes: validation"), make("span", "", "thin: each batch"));
}

function drawRuns() {
  const isTwo = slots.length > 1;
  element("runs").hidden = element("close").hidden = !isTwo;
  element("fork").hidden = isTwo;
  element("runs").replaceChildren(...slots.map((each, i) => {
    const input = Object.assign(make("input"), { type: "radio", name: "run", value: letter(each), checked: i === shown });
    input.addEventListener("change", () => { shown = i; take(); element("runs").querySelector(":checked").focus(); });
    return make("label", "", input, make("span", "", key(each.place), ` Run ${letter(each)}`));
  }));
}

/** A message of the engine as a sentence. */
const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

/* ---- words for the ear, keys, buttons */

let speaking = null;

function announce(sentence) {
  clearTimeout(speaking);
  speaking = setTimeout(() => { element("live").textContent = sentence; }, 150);
}

/** Draws all, and reads aloud where the run stands now. */
function settle() {
  wake();
  const { run } = slot();
  if (clock.playing) return announce("Playing.");
  const { training, validation } = run.measure();
  announce(`${element("where").textContent ? describe(run) : ""} Training loss ${number(training.loss)}${validation ? `, validation loss ${number(validation.loss)}` : ""}. ${run.stopped?.message ?? ""}`);
}

const describe = (run) => (run.at.iteration ? `Epoch ${run.at.epoch}, batch ${run.at.batch} of ${run.batches}, iteration ${run.at.iteration}.` : "Before the first iteration.");

const moves = {
  ArrowRight: oneStep, ArrowLeft: () => { go(position() - 1); settle(); },
  Home: () => { go(0); settle(); }, End: () => { go(furthest()); settle(); },
  PageDown: oneEpoch, PageUp: epochBack,
  " ": toggle, "?": () => element("help").showModal(), d: toggleTheme,
};

addEventListener("keydown", (event) => {
  const on = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || element("help").open) return;
  const isTyped = on.matches("select, input[type=number]");
  const isSlider = on.matches("input[type=range], input[type=radio]") && on.id !== "slider";
  if (isTyped || (isSlider && event.key !== " ")) return;
  if (event.key === " " && on.matches("button, summary, a, input[type=checkbox]")) return;  // its own press
  const action = moves[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

for (const [id, action] of [
  ["first", moves.Home], ["previous", moves.ArrowLeft], ["play", toggle], ["next", oneStep], ["epoch", oneEpoch],
  ["last", moves.End], ["fork", fork], ["close", keep], ["theme", toggleTheme], ["ask", moves["?"]],
]) element(id).addEventListener("click", action);
element("slider").addEventListener("input", () => { go(element("slider").valueAsNumber); settle(); });
element("log").addEventListener("change", wake);
for (const id of ["noisy", "python"]) element(id).addEventListener("toggle", wake);
addEventListener("themechange", () => { if (slots.length) { controls.drawThumbs(); drawLegend(); wake(); } });
/* In a frame, keys arrive without a click: a hand that moves over the page means it. */
addEventListener("pointermove", (event) => {
  if (window.parent !== window && !document.hasFocus() && (event.movementX || event.movementY)) window.focus();
});

/* ---- begin */

function begin() {
  slots.push(slotOf(Engine.createRun(data.config), 0));
  element("whose").hidden = !data.own;
  element("more-data").open = matchMedia("(min-width: 68rem)").matches;
  markTheme();
  take();
  controls.drawThumbs();
  new ResizeObserver(() => { network.layOut(); wake(); }).observe(element("network"));
  addEventListener("sizechange", () => { controls.drawThumbs(); drawLegend(); wake(); });
  document.body.dataset.ready = "yes";
}

begin();
