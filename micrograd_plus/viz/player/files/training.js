/* The training player: the network, what it says of the data, and the loss, at each moment of one or several runs. */

/* ---- the films, unpacked */

async function unpack(text, Numbers) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Numbers(await new Response(stream).arrayBuffer());
}

const series = (number) => `series-${(number % 6) + 1}`;

/** Four digits of a number, as the rest of the page prints it. */
const short = (number) => String(Number(number.toPrecision(4)));

/** Two decimals of a number, or a power of ten where they would be too long. */
const twoDecimals = (number) => (Math.abs(number) < 1000 ? number.toFixed(2) : number.toExponential(1));

/* ---- the network: neurons in columns, weights as lines; or, where that is too much to see, a picture of numbers a layer */

const DRAWN = 400;
const NUMBERED = 16;
const CROWDED = 100;
const LARGEST_CELL = 26;  // pixels
const TALLEST = 38;  // hundredths of the window's height

function networkPicture(run) {
  const weights = run.layers.flatMap((layer) => layer.rows.flat()).length;
  const sizes = [run.layers[0]?.rows[0]?.length ?? 0, ...run.layers.map((layer) => layer.rows.length)];
  const chained = run.layers.every((layer, i) => layer.rows.every((row) => row.length === sizes[i]));
  const caption = make("figcaption", "", chained ? `Network ${sizes.join(" – ")}` : "Parameters");
  if (!chained || weights > DRAWN) return matrices(run, caption);
  return diagram(run, sizes, caption, weights <= NUMBERED, weights > CROWDED ? 2.5 : 5);
}

function diagram(run, sizes, caption, numbered, widest) {
  const width = 340;
  const height = 260;
  const picture = makeSVG("svg", { viewBox: `0 0 ${width} ${height}`, class: "network", role: "img" });
  const title = makeSVG("title", {}, `The network's weights`);
  picture.append(title);
  const across = scale([0, sizes.length - 1], [24, width - 24]);
  const down = (column, row) => height * (row + 0.5) / sizes[column];
  const radius = Math.max(3, Math.min(15, height / Math.max(...sizes) / 2.6));
  const lines = [];
  const texts = [];
  const labels = makeSVG("g", {});
  run.layers.forEach((layer, column) => layer.rows.forEach((row, to) => row.forEach((place, from) => {
    const [x1, y1, x2, y2] = [across(column), down(column, from), across(column + 1), down(column + 1, to)];
    const line = makeSVG("line", { x1, y1, x2, y2 }, makeSVG("title", {}));
    picture.append(line);
    lines.push([line, place]);
    if (!numbered) return;
    const fanned = sizes[column + 1] > sizes[column];  // nearer to the side with more neurons, where the lines are apart
    const at = (fanned ? 0.66 : 0.26) + 0.1 * (from % 2);
    const label = makeSVG("text", { x: x1 + (x2 - x1) * at, y: y1 + (y2 - y1) * at + 4, "text-anchor": "middle", class: "number" });
    labels.append(label);
    texts.push([label, place]);
  })));
  sizes.forEach((size, column) => {
    for (let row = 0; row < size; row++) {
      const unit = makeSVG("circle", { cx: across(column), cy: down(column, row), r: radius, class: "unit" });
      const bias = column ? run.layers[column - 1].biases[row] : -1;
      if (bias >= 0) {
        unit.append(makeSVG("title", {}));
        lines.push([unit, bias]);
        if (numbered) {
          const below = height / size > 2 * radius + 16 ? radius + 13 : 4;  // in the circle if there is no room below it
          const label = makeSVG("text", { x: across(column), y: down(column, row) + below, "text-anchor": "middle", class: "number" });
          labels.append(label);
          texts.push([label, bias]);
        }
      }
      picture.append(unit);
    }
  });
  picture.append(labels);

  function draw(weights) {
    for (const [item, place] of lines) {
      const weight = weights[place];
      const size = Math.abs(weight) / run.largest;
      const paint = `var(--mp-${weight < 0 ? "negative" : "positive"})`;
      if (item.tagName === "line") {
        item.style.stroke = paint;
        item.style.strokeDasharray = weight < 0 ? "6 3" : "";
        item.style.strokeWidth = 0.4 + widest * size;
        item.style.opacity = 0.25 + 0.75 * size;
      } else {
        const tint = Math.max(1, Math.round(4 * size));
        item.style.fill = weight ? `var(--mp-tint-${weight < 0 ? "minus" : "plus"}-${tint})` : "";
      }
      item.firstChild.textContent = `${item.tagName === "line" ? "weight" : "bias"} ${run.names[place]} = ${short(weight)}`;
    }
    for (const [label, place] of texts) label.textContent = twoDecimals(weights[place]);
  }
  return { figure: make("figure", "", caption, picture), draw };
}

function matrices(run, caption) {
  const holder = make("div", "matrices");
  const maps = run.layers.map((layer) => {
    const columns = Math.max(...layer.rows.map((row) => row.length));
    const grid = make("canvas");
    grid.width = columns;
    grid.height = layer.rows.length;
    grid.setAttribute("role", "img");
    grid.setAttribute("aria-label", `${layer.name}: ${layer.rows.length} by ${columns} numbers`);
    const figure = make("figure", "", make("figcaption", "", `${layer.name} (${layer.rows.length} × ${columns})`), grid);
    figure.style.flexGrow = columns;  // a cell of one picture is as wide as one of another
    figure.style.maxWidth = `min(${columns * LARGEST_CELL}px, ${(TALLEST * columns) / layer.rows.length}vh)`;
    holder.append(figure);
    return { layer, grid, columns };
  });
  const shades = () => [channels(colour("background")), channels(colour("positive")), channels(colour("negative"))];

  function draw(weights) {
    const [ground, positive, negative] = shades();
    for (const { layer, grid, columns } of maps) {
      const image = new ImageData(columns, layer.rows.length);
      layer.rows.forEach((row, y) => row.forEach((place, x) => {
        const size = Math.min(1, Math.abs(weights[place]) / run.largest);
        image.data.set([...mix(ground, weights[place] < 0 ? negative : positive, Math.sqrt(size)), 255], 4 * (y * columns + x));
      }));
      grid.getContext("2d").putImageData(image, 0, 0);
    }
  }
  return { figure: make("figure", "", caption, holder), draw };
}

/* ---- what the network says of the plane, or along the line */

const FRAME = { left: 40, right: 330, top: 8, bottom: 222, width: 340, height: 252 };

/* Axes with round numbers and names; returns the picture and the two scales. */
function axes(kind, { ranges, names }, title) {
  const { left, right, top, bottom, width, height } = FRAME;
  const picture = makeSVG("svg", { viewBox: `0 0 ${width} ${height}`, class: kind, role: "img" }, makeSVG("title", {}, title));
  const x = scale(ranges[0], [left, right]);
  const y = scale(ranges[1], [bottom, top]);
  const marks = makeSVG("g", {});
  for (const tick of ticks(ranges[0], 5)) marks.append(makeSVG("text", { x: x(tick), y: bottom + 14, "text-anchor": "middle" }, short(tick)));
  for (const tick of ticks(ranges[1], 5)) marks.append(makeSVG("text", { x: left - 5, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
  marks.append(
    makeSVG("text", { x: right, y: bottom + 27, "text-anchor": "end" }, names[0]),
    makeSVG("text", { x: left, y: bottom + 27, "text-anchor": "start" }, `↑ ${names[1]}`),
  );
  return { picture, x, y, marks };
}

const SHAPES = [
  (x, y) => makeSVG("circle", { cx: x, cy: y, r: 3.4 }),
  (x, y) => makeSVG("rect", { x: x - 3, y: y - 3, width: 6, height: 6 }),
  (x, y) => makeSVG("path", { d: `M${x} ${y - 4}l4 7h-8z` }),
  (x, y) => makeSVG("path", { d: `M${x} ${y - 4.5}l4 4.5-4 4.5-4-4.5z` }),
];

function shape(kind, x, y, paint) {
  const point = SHAPES[kind % SHAPES.length](x, y);
  point.setAttribute("class", "point");
  point.style.fill = `var(--mp-${paint})`;
  return point;
}

function planePicture(plane, codes) {
  const { picture, x, y, marks } = axes("plane", plane, "What the network says of the plane, and the data");
  const { left, right, top, bottom } = FRAME;
  const canvas = make("canvas");
  canvas.width = canvas.height = plane.side;
  const image = makeSVG("image", { x: left, y: top, width: right - left, height: bottom - top, preserveAspectRatio: "none" });
  const points = makeSVG("g", {}, ...plane.points.map(([across, up, kind]) => shape(kind, x(across), y(up), series(kind))));
  picture.append(image, makeSVG("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "axis" }), points, marks);
  const caption = make("figcaption", "", "What it says of the plane: ");
  plane.classes.forEach((name, kind) => {
    const key = makeSVG("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": true }, shape(kind, 6, 6, series(kind)));
    caption.append(kind ? ", " : "", key, ` ${name}`);
  });

  function draw(frame) {
    const ground = channels(colour("background"));
    const paints = plane.classes.map((_, kind) => channels(colour(series(kind))));
    const size = plane.side ** 2;
    const pixels = new ImageData(plane.side, plane.side);
    for (let cell = 0; cell < size; cell++) {
      const code = codes[frame * size + cell];
      pixels.data.set([...mix(ground, paints[(code >> 4) % paints.length], 0.08 + 0.5 * ((code & 15) / 15)), 255], 4 * cell);
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    image.setAttribute("href", canvas.toDataURL());
  }
  return { figure: make("figure", "", caption, picture), draw };
}

function fitPicture(fit, heights) {
  const { picture, x, y, marks } = axes("fit", fit, "The fit, and the data");
  const { left, right, top, bottom } = FRAME;
  const points = fit.points.flatMap(([across, ...up]) => up.map((height) => shape(0, x(across), y(height), "series-1")));
  const curves = Array.from({ length: fit.outputs }, () => makeSVG("path", { class: "curve" }));
  picture.append(makeSVG("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "axis" }), ...points, ...curves, marks);

  function draw(frame) {
    curves.forEach((curve, output) => {
      const at = (frame * fit.outputs + output) * fit.count;
      const spots = Array.from(heights.subarray(at, at + fit.count), (height, i) =>
        `${(left + ((right - left) * i) / (fit.count - 1)).toFixed(1)} ${(bottom - ((bottom - top) * height) / 32767).toFixed(1)}`);
      curve.setAttribute("d", `M${spots.join("L")}`);
    });
  }
  return { figure: make("figure", "", make("figcaption", "", "The fit (line) and the data (points)"), picture), draw };
}

/* ---- the loss of all runs over time, with a cursor */

/* How a curve is drawn: thin for each batch, full for the training's epochs, dashed for what is measured at their ends.
   Beside other runs, the batches of each would only be in the way. */
const DASHES = ["6 4", "2 3", "9 3 2 3"];

function curvesOf(run, alone) {
  const kinds = { "loss of each batch": "batch", loss: "epoch" };
  const names = Object.keys(run.losses).filter((name) => alone || kinds[name] !== "batch");
  const measured = names.filter((name) => !kinds[name]);
  return names.map((name) => ({
    name, kind: kinds[name] ?? "validation", points: run.losses[name],
    dash: kinds[name] ? "none" : DASHES[measured.indexOf(name) % DASHES.length],
  }));
}

function lossPicture(runs) {
  const chart = element("chart");
  const curves = runs.flatMap((run) => curvesOf(run, runs.length === 1).map((curve) => ({ run, ...curve })));
  const all = curves.flatMap(({ points: [, heights] }) => heights);
  const last = Math.max(...runs.map((run) => run.times.at(-1)), 1e-9);
  const paint = (run) => `var(--mp-${series(runs.indexOf(run))})`;
  let cursor;
  let x;

  for (const { run, name, kind, dash } of curves) {
    const line = makeSVG("path", { d: "M0 6H28", class: kind, stroke: "currentColor", "stroke-dasharray": dash, "stroke-width": kind === "batch" ? 1 : 2.5 });
    const key = makeSVG("svg", { viewBox: "0 0 28 12", "aria-hidden": true }, line);
    key.style.color = paint(run);
    element("legend").append(make("span", "", key, [run.name, name === "loss" ? "mean of each epoch" : name].filter(Boolean).join(": ")));
  }

  function layOut() {
    const [width, height] = [chart.clientWidth, chart.clientHeight];
    const positive = all.filter((loss) => loss > 0);
    const log = element("log").checked && positive.length === all.length;
    const read = log ? Math.log10 : (loss) => loss;
    const heights = all.map(read);
    const range = [Math.min(...heights, log ? Infinity : 0), Math.max(...heights)];
    x = scale([0, last], [48, width - 10]);
    const y = scale(range, [height - 24, 8]);
    const picture = makeSVG("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, makeSVG("title", {}, "The loss over the epochs"));
    for (const tick of ticks(range, 3)) picture.append(
      makeSVG("path", { d: `M48 ${y(tick)}H${width - 10}`, class: "grid" }),
      makeSVG("text", { x: 42, y: y(tick) + 4, "text-anchor": "end" }, short(log ? 10 ** tick : tick)),
    );
    for (const tick of ticks([0, last], Math.min(10, width / 80))) picture.append(
      makeSVG("text", { x: x(tick), y: height - 8, "text-anchor": "middle" }, tick ? short(tick) : "epoch 0"));
    for (const { run, kind, dash, points: [times, losses] } of curves) {
      const path = makeSVG("path", { class: kind, "stroke-dasharray": dash, d: `M${times.map((time, i) => `${x(time).toFixed(1)} ${y(read(losses[i])).toFixed(1)}`).join("L")}` });
      path.style.stroke = paint(run);
      picture.append(path);
    }
    cursor = makeSVG("path", { class: "cursor" });
    picture.append(cursor);
    chart.replaceChildren(picture);
  }

  function draw(time) {
    cursor.setAttribute("d", `M${x(time).toFixed(1)} 4V${chart.clientHeight - 20}`);
  }

  const timeAt = (event) => ((event.clientX - chart.getBoundingClientRect().left - 48) / (chart.clientWidth - 58)) * last;
  return { layOut, draw, timeAt };
}

/* ---- all together */

/** Builds a run's panel; `draw(time)` shows its last frame at or before that time and returns a sentence about it. */
async function panel(run, number) {
  const packed = await unpack(run.weights, Int16Array);
  const count = packed.length / run.times.length;
  const pictures = [networkPicture(run)];
  if (run.plane) pictures.push(planePicture(run.plane, await unpack(run.plane.cells, Uint8Array)));
  if (run.fit) pictures.push(fitPicture(run.fit, await unpack(run.fit.curves, Int16Array)));
  const now = make("p", "now");
  const section = make("section", "run", ...(run.name ? [make("h2", "", run.name)] : []), now,
    make("div", "pictures", ...pictures.map((picture) => picture.figure)));
  section.setAttribute("aria-label", run.name || "The run");
  section.style.setProperty("--mine", `var(--mp-${series(number)})`);
  element("runs").append(section);

  function draw(time) {
    let frame = run.times.findLastIndex((each) => each <= time + 1e-9);
    frame = Math.max(0, frame);
    const weights = Array.from(packed.subarray(frame * count, (frame + 1) * count), (each) => (each / 32767) * run.largest);
    pictures[0].draw(weights);
    for (const picture of pictures.slice(1)) picture.draw(frame);
    const [epoch, iteration, loss, figures] = run.frames[frame];
    const parts = iteration
      ? [`epoch ${epoch}`, `iteration ${iteration}`, `loss of this batch ${loss}`, ...Object.entries(figures).filter(([name]) => name !== "loss").map(([name, value]) => `${name} ${value}`)]
      : ["before the first update"];
    now.replaceChildren(make("b", "", parts.slice(0, 2).join(", ")), parts.slice(2).map((part) => `; ${part}`).join(""));
    return `${run.name ? `${run.name}: ` : ""}${parts.join(", ")}.`;
  }
  return draw;
}

async function begin() {
  const runs = data.runs;
  const draws = [];
  for (const [number, run] of runs.entries()) draws.push(await panel(run, number));
  const loss = lossPicture(runs);
  loss.layOut();
  const times = [...new Set(runs.flatMap((run) => run.times))].sort((a, b) => a - b);
  const show = (position) => {
    loss.draw(times[position]);
    return draws.map((draw) => draw(times[position])).join(" ");
  };
  const epochOf = (time) => Math.ceil(time - 1e-9);
  const parts = times.map((time, at) => ({ at, epoch: epochOf(time) }))
    .filter(({ at, epoch }) => at === times.length - 1 || epoch !== epochOf(times[at + 1]));  // each epoch's last frame
  const player = drive({
    last: times.length - 1, show, parts, pause: 120,
    place: (position) => `Frame ${position} of ${times.length - 1} · ${short(times[position])} epochs`,
  });
  const nearest = (time) => times.reduce((best, each, i) => (Math.abs(each - time) < Math.abs(times[best] - time) ? i : best), 0);
  const again = () => { loss.layOut(); show(player.here()); };
  element("chart").addEventListener("pointerdown", (event) => player.go(nearest(loss.timeAt(event))));
  element("chart").addEventListener("pointermove", (event) => { if (event.buttons) player.go(nearest(loss.timeAt(event))); });
  element("log").addEventListener("change", again);
  addEventListener("themechange", () => show(player.here()));
  new ResizeObserver(again).observe(element("chart"));
  document.body.dataset.ready = "yes";
}

begin();
