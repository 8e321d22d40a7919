/* The network in columns: in each neuron what it says of the plane, between them the weights. */

const LARGEST_NEURON = 42;
const GAP = 5;
const ROOMY = 88;  // pixels a column in which two buttons stand beside a number
const WIDEST_WEIGHT = 6;
const GRASP = 9;  // pixels about a weight in which a pointer holds it

/**
 * Draws a run's network. `pick(thing)` is called when a weight ({parameter}) or a neuron ({node}) is pressed, `point(thing
 * or null)` when one is pointed at, `resize(layer, change)` for the buttons of a hidden layer.
 */
function networkView({ pick, point, resize }) {
  const holder = element("network");
  const canvas = holder.querySelector("canvas");
  const neurons = element("neurons");
  const tip = element("tip");
  let run = null;
  let shape = "";
  let buttons = [];
  let maps = [];
  let edges = [];
  let active = 0;
  let pointed = null;
  let picked = null;
  let dropped = null;

  /** Takes a run; builds the picture anew where its network has another shape. */
  function take(next, resizable) {
    run = next;
    const { columns, nodes, edges: links } = run.network;
    const now = `${run.network.words} ${columns.map((column) => column.length)} ${resizable}`;
    if (now === shape) return;
    shape = now;
    pointed = null;
    dropped = null;
    active = columns.at(-1)[0];
    maps = [];
    buttons = nodes.map((node, i) => {
      const map = make("canvas");
      map.width = map.height = MAP;
      maps.push(map.getContext("2d", { willReadFrequently: true }));
      const bias = make("i", "bias");
      bias.hidden = node.bias < 0;
      const button = make("button", `neuron ${node.kind}`, map, bias, make("span", "said"));
      button.type = "button";
      button.addEventListener("click", () => { active = i; pick({ node: i }); });
      button.addEventListener("focus", () => { active = i; rove(); });
      button.addEventListener("pointerenter", () => aim({ node: i }));
      button.addEventListener("pointerleave", () => aim(null));
      return button;
    });
    edges = links.map((link) => ({ ...link, path: null }));
    const heads = columns.map((column, c) => head(c, column.length, columns.length, resizable));
    neurons.replaceChildren(...heads, ...buttons);
    rove();
    layOut();
  }

  /* What stands above a column: its name, or for a hidden layer that can be changed, its size with two buttons. */
  function head(column, size, count, resizable) {
    const name = column === 0 ? "inputs" : column === count - 1 ? (size > 1 ? "outputs" : "output") : `hidden ${column}`;
    const box = make("div", "head", make("span", "", name));
    box.dataset.column = column;
    if (!resizable || column === 0 || column === count - 1) return box;
    const change = (step, sign, word) => {
      const button = make("button", "", sign);
      button.type = "button";
      button.setAttribute("aria-label", `One neuron ${word} in hidden layer ${column}`);
      button.setAttribute("aria-disabled", step < 0 ? size <= 1 : size >= MOST_NEURONS);
      button.dataset.resize = `${column} ${step}`;
      button.addEventListener("click", () => {
        resize(column - 1, step);
        neurons.querySelector(`[data-resize="${column} ${step}"]`)?.focus();
      });
      return button;
    };
    box.append(make("div", "stepper", change(-1, "−", "fewer"), make("output", "", String(size)), change(1, "+", "more")));
    box.firstChild.textContent = `hidden ${column}`;
    return box;
  }

  function layOut() {
    if (!run || !holder.clientWidth) return;
    const { columns } = run.network;
    const [width, height] = [holder.clientWidth, holder.clientHeight];
    neurons.classList.toggle("narrow", width / columns.length < ROOMY);
    const top = Math.max(...[...neurons.querySelectorAll(".head")].map((each) => each.offsetHeight)) + 6;
    const tallest = Math.max(...columns.map((column) => column.length));
    const room = (height - top) / tallest;
    const size = clamp(Math.floor(Math.min(room - GAP, (width / columns.length) * 0.6)), 4, LARGEST_NEURON);
    const side = Math.max(size / 2 + 8, Math.min(34, width / columns.length / 2));
    const across = scale([0, columns.length - 1 || 1], [side, width - side]);
    const places = [];
    columns.forEach((column, c) => column.forEach((node, row) => {
      const step = Math.min((height - top) / column.length, size * 2.4);
      const middle = top + (height - top) / 2;
      places[node] = [across(c), middle + (row - (column.length - 1) / 2) * step];
    }));
    buttons.forEach((button, i) => {
      Object.assign(button.style, { left: `${places[i][0]}px`, top: `${places[i][1]}px`, width: `${size}px`, height: `${size}px` });
      button.classList.toggle("little", size < 24);
      button.classList.toggle("tiny", size < 14);
    });
    for (const each of neurons.querySelectorAll(".head")) each.style.left = `${across(Number(each.dataset.column))}px`;
    for (const edge of edges) {
      const [[x1, y1], [x2, y2]] = [places[edge.from], places[edge.to]];
      const [start, end] = [x1 + size / 2, x2 - size / 2];
      const bend = (end - start) * 0.45;
      edge.path = new Path2D(`M${start} ${y1}C${start + bend} ${y1} ${end - bend} ${y2} ${end} ${y2}`);
      edge.middle = [(start + end) / 2, (y1 + y2) / 2];
    }
  }

  /** Draws the weights as they are now; grey what leads to or from a dropped neuron. */
  function drawWeights() {
    const { pen } = sharp(canvas);
    const { positive, negative, muted, text } = themed();
    const { parameters, network: { nodes } } = run;
    let largest = 1e-12;
    for (const { parameter } of edges) largest = Math.max(largest, Math.abs(parameters[parameter]));
    pen.lineCap = "butt";
    for (const edge of edges) {
      const weight = parameters[edge.parameter];
      const share = Math.abs(weight) / largest;
      const isOut = dropped && (dropped[edge.from] || dropped[edge.to]);
      pen.globalAlpha = isOut ? 0.25 : 0.25 + 0.75 * share;
      pen.strokeStyle = isOut ? muted : weight < 0 ? negative : positive;
      pen.lineWidth = isOut ? 1 : 0.5 + (WIDEST_WEIGHT - 0.5) * share;
      pen.setLineDash(isOut ? [1, 4] : weight < 0 ? [7, 3] : []);
      pen.stroke(edge.path);
    }
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    for (const thing of [picked, pointed]) {
      const edge = thing && edges.find((each) => each.parameter === thing.parameter && thing.parameter >= 0);
      if (!edge) continue;
      pen.strokeStyle = text;
      pen.lineWidth = 2;
      pen.stroke(edge.path);
    }
    const biases = nodes.map((node) => (node.bias < 0 ? 0 : parameters[node.bias]));
    const most = Math.max(1e-12, ...biases.map(Math.abs));
    nodes.forEach((node, i) => {
      if (node.bias < 0) return;
      const step = Math.max(1, Math.round((4 * Math.abs(biases[i])) / most));
      buttons[i].children[1].style.background = `var(--mp-tint-${biases[i] < 0 ? "minus" : "plus"}-${step})`;
    });
  }

  /** Draws what each neuron says of the plane; null where the plane can't be drawn. */
  function drawMaps(plane) {
    neurons.classList.toggle("blank", !plane);
    if (!plane) return;
    const picture = new ImageData(plane.size, plane.size);
    const pixels = new Uint32Array(picture.data.buffer);
    plane.nodes.forEach((numbers, i) => {
      let largest = 0;
      for (const x of numbers) { const size = x < 0 ? -x : x; if (size > largest) largest = size; }
      paintSigned(pixels, numbers, plane.size, largest, 0.95);
      maps[i].putImageData(picture, 0, 0);
    });
  }

  /** Marks the neurons that the mask dropped in the iteration shown, or none. */
  function mark(mask) {
    dropped = mask && mask.some(Boolean) ? mask : null;
    buttons.forEach((button, i) => button.classList.toggle("dropped", Boolean(dropped?.[i])));
  }

  /** Writes each neuron's number for one point into it, or takes the numbers away. */
  function say(values) {
    neurons.classList.toggle("saying", Boolean(values));
    buttons.forEach((button, i) => { button.lastChild.textContent = values ? number(values[i], 2) : ""; });
  }

  /** Names the neurons for the ear, with their numbers. */
  function name() {
    run.network.nodes.forEach((node, i) => {
      const bias = node.bias < 0 ? "" : `, bias ${number(run.parameters[node.bias])}`;
      buttons[i].setAttribute("aria-label", `${node.name}${bias}${dropped?.[i] ? ", dropped" : ""}`);
    });
  }

  function choose(thing) {
    picked = thing;
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", thing?.node === i));
  }

  function aim(thing) {
    if (pointed?.parameter === thing?.parameter && pointed?.node === thing?.node) return;
    pointed = thing;
    point(thing);
  }

  function weightAt(event) {
    const box = canvas.getBoundingClientRect();
    const pen = canvas.getContext("2d");
    const dense = canvas.width / (box.width || 1);
    const [x, y] = [(event.clientX - box.left) * dense, (event.clientY - box.top) * dense];
    let found = null;
    for (const reach of [2, GRASP]) {
      pen.lineWidth = reach;
      pen.setLineDash([]);
      found ??= edges.findLast((edge) => pen.isPointInStroke(edge.path, x, y)) ?? null;
    }
    return found && { parameter: found.parameter };
  }

  /* A weight's number beside the pointer. */
  function hint(found, event) {
    tip.hidden = !found;
    if (!found) return;
    const box = holder.getBoundingClientRect();
    tip.textContent = `weight ${number(run.parameters[found.parameter])}`;
    Object.assign(tip.style, { left: `${clamp(event.clientX - box.left, 60, box.width - 60)}px`, top: `${event.clientY - box.top}px` });
  }

  function rove() {
    buttons.forEach((button, i) => { button.tabIndex = i === active ? 0 : -1; });
  }

  function move(event) {
    const { columns } = run.network;
    const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    const column = columns.findIndex((each) => each.includes(active));
    if (!step || column < 0 || !event.target.matches(".neuron")) return;
    event.preventDefault();
    event.stopPropagation();
    const to = columns[clamp(column + step[0], 0, columns.length - 1)];
    const share = (columns[column].indexOf(active) + 0.5) / columns[column].length;
    const row = step[0] ? Math.floor(share * to.length) : columns[column].indexOf(active) + step[1];
    active = to[clamp(row, 0, to.length - 1)];
    rove();
    buttons[active].focus();
  }

  neurons.addEventListener("keydown", move);
  holder.addEventListener("pointermove", (event) => {
    if (event.target.closest(".neuron, .head")) return hint(null);
    const found = weightAt(event);
    holder.classList.toggle("grasping", Boolean(found));
    aim(found);
    hint(found, event);
  });
  holder.addEventListener("pointerleave", () => { aim(null); hint(null); });
  holder.addEventListener("click", (event) => {
    if (event.target.closest("button")) return;
    pick(weightAt(event));
  });
  return { take, layOut, drawWeights, drawMaps, mark, say, name, choose };
}
