/* The controls: what a run is made of, read from and written to its settings. */

const RATES = [-5, -4, -3, -2, -1, 0].flatMap((power) => [1, 2, 5].map((lead) => Number(`${lead}e${power}`))).concat(10);
const DECAYS = [0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3];
const USUAL_BATCH = 32;
const USUAL_POINTS = 200;
const USUAL_NOISE = 0.1;  // of the sets that have none of their own, so that points do not lie on one another
const MOST_NEURONS = 10;
const MOST_LAYERS = 5;
const THUMB = 44;

/** The place in a list of the number that is nearest, as a factor. */
const nearest = (list, x) => list.reduce((best, each, i) => (Math.abs(Math.log((each || 1e-9) / (x || 1e-9))) < Math.abs(Math.log((list[best] || 1e-9) / (x || 1e-9))) ? i : best), 0);

/**
 * Wires the controls. `settings()` are those of the shown run; `change(changes)` takes what holds from the shown
 * iteration on, `restart(changes)` what needs another start; both throw what
 * the engine says against it, and `refuse(words)` tells it.
 */
function settingsView({ settings, refuse, rows, change, restart }) {
  const own = { inputs: [], targets: [] };
  let pen = 0;

  /* A change that the engine refuses is told, and the controls go back to what holds. */
  function attempt(action) {
    refuse("");
    try { action(); } catch (error) { refuse(error.message); }
    show();
  }

  function choices(holder, name, options, choose) {
    holder.replaceChildren(...options.map(({ value, parts, title }) => {
      const input = Object.assign(make("input"), { type: "radio", name, value });
      input.addEventListener("change", () => choose(value));
      const label = make("label", "", input, make("span", "", ...parts));
      if (title) label.title = title;
      return label;
    }));
  }

  const check = (name, value) => {
    for (const each of document.querySelectorAll(`input[name="${name}"]`)) each.checked = each.value === String(value);
  };
  const say = (id, text) => { document.querySelector(`output[for="${id}"]`).textContent = text; };
  const set = (id, value) => { if (document.activeElement !== element(id) || element(id).type !== "number") element(id).value = value; };
  const on = (id, event, action) => element(id).addEventListener(event, (at) => attempt(() => action(at.target)));

  /* ---- data */

  function thumb(name) {
    const canvas = make("canvas");
    canvas.setAttribute("aria-hidden", "true");
    canvas.dataset.set = name;
    return canvas;
  }

  function drawThumbs() {
    for (const canvas of element("sets").querySelectorAll("canvas")) {
      const { pen: ink, width, height } = sharp(canvas);
      const name = canvas.dataset.set;
      if (name === "points") { drawPlus(ink, width, height); continue; }
      const data = Engine.makeData({ name, ...(name === "own" ? {} : { n: 60, noise: Engine.DATA[name].noise || USUAL_NOISE }) }, 0, 0);
      if (data.width > 2) continue;
      const ranges = rangesOf(data);
      const half = Math.min(width, 1.4 * height) / 2 - 2;
      const [x, y] = [scale(ranges[0], [width / 2 - half, width / 2 + half]), scale(ranges[1], [height - 2, 2])];
      for (let row = 0; row < data.n; row++) {
        ink.fillStyle = themed()[classColour(data.classes.length ? data.targets[row] : 0, data.classes.length || 2)];
        const at = placeOfRow(data, row);
        ink.fillRect(x(at[0]) - 1.5, y(at[1]) - 1.5, 3, 3);
      }
    }
  }

  function drawPlus(ink, width, height) {
    Object.assign(ink, { strokeStyle: themed().muted, lineWidth: 2 });
    ink.beginPath();
    for (const [dx, dy] of [[8, 0], [0, 8]]) { ink.moveTo(width / 2 - dx, height / 2 - dy); ink.lineTo(width / 2 + dx, height / 2 + dy); }
    ink.stroke();
  }

  const named = { own: "your data", points: "by hand" };
  const sets = [...Object.keys(Engine.DATA), "points"];
  choices(element("sets"), "set", sets.map((name) => ({ value: name, parts: [thumb(name), named[name] ?? name], title: name === "points" ? "Your own points, put into the plane one by one" : "" })), (name) =>
    attempt(() => {
      if (name === "points") return restart({ data: drawn() });
      if (name === "own") return restart({ data: { name } });
      return restart({ data: { name, n: settings().data.n ?? USUAL_POINTS, noise: Engine.DATA[name].noise || USUAL_NOISE } });
    }));

  const drawn = () => ({ name: "points", inputs: own.inputs.map((point) => [...point]), targets: [...own.targets], classes: ["0", "1"] });
  choices(document.querySelector("#pens .segments"), "pen", [0, 1].map((kind) => ({ value: kind, parts: [penMark(kind), `class ${kind}`] })), (kind) => { pen = kind; });
  check("pen", 0);
  function penMark(kind) {
    const mark = make("canvas", "mark");
    mark.setAttribute("aria-hidden", "true");
    mark.dataset.kind = kind;
    return mark;
  }

  function put(point) {
    own.inputs.push(point.map((x) => Number(x.toPrecision(6))));
    own.targets.push(pen);
    attempt(() => restart({ data: drawn() }));
  }
  element("undo").addEventListener("click", () => { own.inputs.pop(); own.targets.pop(); attempt(() => restart({ data: drawn() })); });
  element("clear").addEventListener("click", () => { own.inputs.length = own.targets.length = 0; attempt(() => restart({ data: drawn() })); });

  on("noise", "input", ({ value }) => restart({ data: { ...settings().data, noise: Number(value) } }));
  on("points", "input", ({ value }) => restart({ data: { ...settings().data, n: Number(value) } }));
  on("share", "input", ({ value }) => restart({ validation: Number(value) }));
  on("seed", "change", ({ value }) => restart({ seed: whole("The seed", value, 0) }));
  element("reseed").addEventListener("click", () => attempt(() => restart({ seed: settings().seed + 1 })));

  /* ---- training */

  offer("optimizer", Object.keys(Engine.OPTIMIZERS));
  element("rate-slider").max = RATES.length - 1;
  element("decay").max = DECAYS.length - 1;
  on("optimizer", "change", ({ value }) => {
    const { lr, options } = settings().optimizer;
    const kept = "weight_decay" in Engine.OPTIMIZERS[value].options && options.weight_decay ? { weight_decay: options.weight_decay } : { weight_decay: 0 };
    change({ optimizer: { name: value, lr, options: kept } });
  });
  on("rate-slider", "input", ({ value }) => alterOptimizer({ lr: RATES[value] }));
  on("rate", "change", ({ value }) => alterOptimizer({ lr: real("The learning rate", value) }));
  on("decay", "input", ({ value }) => alterOption("weight_decay", DECAYS[value]));
  const alterOptimizer = (part) => change({ optimizer: { ...settings().optimizer, ...part } });
  const alterOption = (name, value) => alterOptimizer({ options: { ...settings().optimizer.options, [name]: value } });

  for (const radio of document.querySelectorAll("input[name=batch]")) radio.addEventListener("change", () => attempt(() =>
    change({ batchSize: radio.value === "some" ? Math.max(2, Math.min(USUAL_BATCH, Math.floor(rows() / 2))) : Number(radio.value) })));
  on("batch-size", "change", ({ value }) => {
    const size = whole("The batch size", value, 1);
    change({ batchSize: size >= rows() ? 0 : size });
  });
  on("dropout", "input", ({ value }) => change({ model: { dropout: Number(value) } }));
  on("loss-name", "change", ({ value }) => restart({ loss: value }));

  function options() {
    const { name, options: given } = settings().optimizer;
    const fields = Object.entries({ ...Engine.OPTIMIZERS[name].options, ...given }).filter(([option]) => option !== "weight_decay");
    const holder = element("options").lastElementChild;
    const shape = `${name} ${fields.map(([option]) => option)}`;
    element("options").hidden = !fields.length;
    element("options").firstElementChild.textContent = `Options of ${name}`;
    if (holder.dataset.shape !== shape) {
      holder.dataset.shape = shape;
      holder.replaceChildren(...fields.map(([option, value]) => {
        const input = Object.assign(make("input"), typeof value === "boolean" ? { type: "checkbox" } : { type: "number", step: "any" });
        input.id = `option-${option}`;
        input.addEventListener("change", () => attempt(() =>
          alterOption(option, typeof value === "boolean" ? input.checked : real(option, input.value))));
        const label = make("label", "", option);
        label.htmlFor = input.id;
        return make("div", "field pair", label, input);
      }));
    }
    for (const [option, value] of fields)
      if (typeof value === "boolean") element(`option-${option}`).checked = value;
      else set(`option-${option}`, value);
  }

  /* ---- network */

  offer("activation", Engine.ACTIVATIONS);
  const alterModel = (part) => restart({ model: { ...settings().model, ...part } });
  on("activation", "change", ({ value }) => alterModel({ activation: value }));
  on("model", "change", ({ value }) => restart({ model: value === "own" ? { kind: "own" } : { kind: "mlp", ...data.own.mlp } }));
  const deepen = (step) => attempt(() => {
    const { hidden } = settings().model;
    if (step < 0 ? !hidden.length : hidden.length >= MOST_LAYERS) return;
    alterModel({ hidden: step < 0 ? hidden.slice(0, -1) : [...hidden, hidden.at(-1) ?? 4] });
  });
  element("fewer-layers").addEventListener("click", () => deepen(-1));
  element("more-layers").addEventListener("click", () => deepen(1));
  const resize = (layer, step) => attempt(() => {
    const hidden = [...settings().model.hidden];
    hidden[layer] = clamp(hidden[layer] + step, 1, MOST_NEURONS);
    if (hidden[layer] !== settings().model.hidden[layer]) alterModel({ hidden });
  });

  function offer(id, names, chosen) {
    element(id).replaceChildren(...names.map((name) => Object.assign(make("option", "", name), { value: name })));
    if (chosen) element(id).value = chosen;
  }
  function real(what, text) {
    if (text.trim() === "" || !Number.isFinite(Number(text))) throw new Error(`${what} is a number, but nothing was typed that is one.`);
    return Number(text);
  }
  function whole(what, text, least) {
    const found = real(what, text);
    if (!Number.isInteger(found) || found < least) throw new Error(`${what} is a whole number from ${least} on, but it was ${text}.`);
    return found;
  }

  /** Shows the settings of the shown run. */
  function show() {
    const config = settings();
    const { model, optimizer } = config;
    const data = { ...Engine.DATA[config.data.name], ...config.data };
    check("set", data.name);
    const isOwn = data.name === "own" || data.name === "points";
    element("pens").hidden = data.name !== "points";
    for (const id of ["spread", "many"]) element(id).hidden = isOwn;
    if (!isOwn) { set("noise", data.noise); say("noise", number(data.noise)); set("points", data.n); say("points", data.n); }
    set("share", config.validation);
    say("share", percent(config.validation));
    set("seed", config.seed);
    set("optimizer", optimizer.name);
    set("rate-slider", nearest(RATES, optimizer.lr));
    element("rate-slider").setAttribute("aria-valuetext", number(optimizer.lr));
    set("rate", optimizer.lr);
    const count = rows();
    const size = config.batchSize || count;
    check("batch", size === 1 ? 1 : size >= count ? 0 : "some");
    set("batch-size", size);
    element("batch-of").textContent = `of ${count} rows`;
    const decay = optimizer.options.weight_decay ?? Engine.OPTIMIZERS[optimizer.name].options.weight_decay ?? 0;
    set("decay", nearest(DECAYS, decay));
    say("decay", decay ? number(decay) : "none");
    element("decay").setAttribute("aria-valuetext", decay ? number(decay) : "none");
    const built = model.kind === "mlp";
    set("dropout", built ? model.dropout : 0);
    say("dropout", built && model.dropout ? `p = ${number(model.dropout)}` : "none");
    for (const id of ["activation", "dropout"]) element(id).disabled = !built;
    element("depth").hidden = !built;
    if (built) {
      set("activation", model.activation);
      element("depth").querySelector("output").replaceChildren(`${model.hidden.length} hidden`, make("i", "", ` layer${model.hidden.length === 1 ? "" : "s"}`));
      element("fewer-layers").setAttribute("aria-disabled", !model.hidden.length);
      element("more-layers").setAttribute("aria-disabled", model.hidden.length >= MOST_LAYERS);
    }
    element("model").value = model.kind;
    options();
  }

  /** Shows which losses fit the data, and which one is used. */
  function losses(data, name) {
    offer("loss-name", Engine.lossesFor(data), name);
  }

  return { show, losses, put, resize, drawThumbs, points: () => own };
}
