/* The plane: what a run says of it, the boundary of each run, and the data. */

const MARGIN = { left: 34, right: 8, top: 8, bottom: 34 };
const FIT = 81;  // points of a fitted curve
const SIZE = 3.6;  // of a point, in pixels from its middle

/** The shapes of the classes, as paths about (x, y); `r` is half of the size. */
const SHAPES = [
  (pen, x, y, r) => pen.arc(x, y, r, 0, 2 * Math.PI),
  (pen, x, y, r) => pen.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8),
  (pen, x, y, r) => { pen.moveTo(x, y - r * 1.2); pen.lineTo(x + r * 1.1, y + r); pen.lineTo(x - r * 1.1, y + r); pen.closePath(); },
  (pen, x, y, r) => { pen.moveTo(x, y - r * 1.3); pen.lineTo(x + r * 1.2, y); pen.lineTo(x, y + r * 1.3); pen.lineTo(x - r * 1.2, y); pen.closePath(); },
];

/** Draws a point of a class: filled if it trains, hollow if it only validates. */
function drawPoint(pen, kind, count, x, y, isHollow = false, size = SIZE) {
  const { [classColour(kind, count)]: own, background } = themed();
  pen.beginPath();
  SHAPES[kind % SHAPES.length](pen, x, y, isHollow ? size - 0.5 : size);
  pen.fillStyle = isHollow ? background : own;
  pen.strokeStyle = isHollow ? own : background;
  pen.lineWidth = isHollow ? 1.8 : 1;
  pen.fill();
  pen.stroke();
}

/** Where a row of the data stands in the plane: of one feature, the target is the other side. */
const placeOfRow = ({ inputs, targets, width }, row) => [inputs[row * width], width === 1 ? targets[row] : inputs[row * width + 1]];

/** The range of the data along each side of the plane, with some room about it. */
function rangesOf(data) {
  return [0, 1].map((side) => {
    let [low, high] = [Infinity, -Infinity];
    for (let row = 0; row < data.n; row++) {
      const at = placeOfRow(data, row)[side];
      low = Math.min(low, at);
      high = Math.max(high, at);
    }
    const room = 0.12 * (high - low) || 1;
    return [low - room, high + room];
  });
}

/**
 * Where a grid's numbers cross zero: pieces of a line, as shares of the plane's sides. Linear between the middles of the
 * cells (marching squares).
 */
function border(numbers, size) {
  const pieces = [];
  for (let row = 0; row + 1 < size; row++) {
    for (let i = 0; i + 1 < size; i++) {
      const at = row * size + i;
      const corners = [numbers[at], numbers[at + 1], numbers[at + size + 1], numbers[at + size]];
      const places = [[i, row], [i + 1, row], [i + 1, row + 1], [i, row + 1]];
      const cut = [];
      for (let side = 0; side < 4; side++) {
        const [a, b] = [corners[side], corners[(side + 1) % 4]];
        if (a < 0 === b < 0) continue;
        const share = a / (a - b);
        const [from, to] = [places[side], places[(side + 1) % 4]];
        cut.push([0, 1].map((side) => (from[side] + share * (to[side] - from[side]) + 0.5) / size));
      }
      for (let piece = 0; piece + 1 < cut.length; piece += 2) pieces.push([cut[piece], cut[piece + 1]]);
    }
  }
  return pieces;
}

/** The boundaries between the classes of a run, in a grid that `run.plane` filled. */
function bordersOf(run, { size, nodes, decision }) {
  const outputs = run.network.columns.at(-1).map((node) => nodes[node]);
  const { length } = run.data.classes;
  if (length === 2) return border(decision, size);
  if (length !== outputs.length) return [];
  const lead = new Float64Array(size * size);
  return outputs.flatMap((own) => {
    for (let i = 0; i < lead.length; i++) {
      let best = -Infinity;
      for (const other of outputs) if (other !== own && other[i] > best) best = other[i];
      lead[i] = own[i] - best;
    }
    return border(lead, size);
  });
}

/** What a run says along the line of its one feature, in pieces as `border` has them. */
function fitOf(run, [across, up]) {
  const share = scale(up, [0, 1]);
  const points = Array.from({ length: FIT }, (_, i) => i / (FIT - 1)).map((at) => [at, share(run.outputs([scale([0, 1], across)(at)]).outputs[0])]);
  return points.slice(1).map((point, i) => [points[i], point]);
}

/**
 * Draws the plane. `put([x1, x2])` is called for a point pressed in while `isOpen()`, `look([x1, x2] or null)` for the
 * place that is pointed at.
 */
function planeView({ put, look, isOpen }) {
  const canvas = element("plane");
  const heat = make("canvas");
  heat.width = heat.height = MAP;
  let data = null;
  let ranges = [[-1, 1], [-1, 1]];
  let lines = [];
  let batch = null;
  let cross = null;
  let across = null;
  let up = null;

  function take(next, fixed) {
    data = { ...next, middle: next.targets.reduce((sum, target) => sum + target, 0) / (next.n || 1) };
    if (next.width <= 2) ranges = fixed ?? rangesOf(next);
    if (next.width === 1) heat.getContext("2d").clearRect(0, 0, MAP, MAP);
    cross = null;
  }

  /** Takes what the shown run says of the plane, and the boundaries of all runs as {pieces, place}. */
  function colourIn(plane, boundaries) {
    lines = boundaries;
    if (!plane) return;
    const picture = new ImageData(plane.size, plane.size);
    const pixels = new Uint32Array(picture.data.buffer);
    const count = data.classes.length;
    if (count <= 2) paintSigned(pixels, plane.decision, plane.size, 1, 0.62);
    else {
      const ramps = data.classes.map((_, kind) => ramp(classColour(kind, count), 0.62));
      for (let row = 0; row < plane.size; row++)
        for (let i = 0; i < plane.size; i++) {
          const at = row * plane.size + i;
          pixels[(plane.size - 1 - row) * plane.size + i] = ramps[plane.classes[at]][Math.round(SHADES * plane.sure[at]) || 0];
        }
    }
    heat.getContext("2d").putImageData(picture, 0, 0);
  }

  function draw() {
    if (!data) return;
    const { pen, width, height } = sharp(canvas);
    const { muted, border: line, text, background } = themed();
    const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
    across = scale(ranges[0], [left, right]);
    up = scale(ranges[1], [bottom, top]);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, right - left, bottom - top);
    pen.clip();
    pen.imageSmoothingEnabled = true;
    const onScreen = ([x, y]) => [left + x * (right - left), bottom - y * (bottom - top)];
    pen.drawImage(heat, left, top, right - left, bottom - top);
    for (const { pieces, place } of lines) {
      pen.beginPath();
      for (const [from, to] of pieces) {
        pen.moveTo(...onScreen(from));
        pen.lineTo(...onScreen(to));
      }
      for (const [ink, thickness] of [[background, 4], [themed()[runColour(place)], 2]]) {
        Object.assign(pen, { strokeStyle: ink, lineWidth: thickness, lineCap: "round" });
        pen.setLineDash(place && thickness === 2 ? [6, 4] : []);
        pen.stroke();
      }
    }
    pen.setLineDash([]);
    drawData(pen, text);
    if (cross) drawCross(pen, text, background);
    pen.restore();
    pen.strokeStyle = line;
    pen.lineWidth = 1;
    pen.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    pen.fillStyle = muted;
    pen.font = FONT;
    pen.textAlign = "center";
    for (const tick of ticks(ranges[0], width / 70)) pen.fillText(number(tick), across(tick), bottom + 15);
    pen.textAlign = "right";
    for (const tick of ticks(ranges[1], height / 70)) pen.fillText(number(tick), left - 5, up(tick) + 4);
    pen.fillText(`${data.features[0]} →`, right, bottom + 30);
    pen.textAlign = "left";
    pen.fillText(`↑ ${data.features[1] ?? "target"}`, left, bottom + 30);
  }

  function drawData(pen, text) {
    const count = data.classes.length;
    const one = (row, isHollow) => {
      const at = placeOfRow(data, row);
      const [x, y] = [across(at[0]), up(at[1])];
      const kind = count ? data.targets[row] : data.width > 1 && data.targets[row] > data.middle ? 1 : 0;
      drawPoint(pen, kind, count || (data.width > 1 ? 2 : 1), x, y, isHollow);
      if (!batch?.has(row)) return;
      pen.beginPath();
      pen.arc(x, y, SIZE + 2.5, 0, 2 * Math.PI);
      Object.assign(pen, { strokeStyle: text, lineWidth: 1 });
      pen.stroke();
    };
    for (const row of data.validation) one(row, true);
    for (const row of data.train) one(row, false);
  }

  function drawCross(pen, text, background) {
    const [x, y] = [across(cross[0]), up(cross[1])];
    for (const [ink, thickness] of [[background, 3.5], [text, 1.5]]) {
      Object.assign(pen, { strokeStyle: ink, lineWidth: thickness });
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { pen.moveTo(x + 4 * dx, y + 4 * dy); pen.lineTo(x + 11 * dx, y + 11 * dy); }
      pen.stroke();
    }
  }

  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    const [left, right, top, bottom] = [MARGIN.left, box.width - MARGIN.right, MARGIN.top, box.height - MARGIN.bottom];
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (x < left || x > right || y < top || y > bottom) return null;
    return [scale([left, right], ranges[0])(x), scale([bottom, top], ranges[1])(y)];
  }

  function aim(place) {
    cross = place;
    look(place);
  }

  canvas.addEventListener("pointermove", (event) => aim(placeOf(event)));
  canvas.addEventListener("pointerleave", () => { if (document.activeElement !== canvas) aim(null); });
  canvas.addEventListener("blur", () => aim(null));
  canvas.addEventListener("click", (event) => {
    const place = placeOf(event);
    if (place && isOpen()) put(place);
    else if (place) aim(place);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (step) {
      const from = cross ?? ranges.map(([low, high]) => (low + high) / 2);
      aim(from.map((x, i) => clamp(x + (step[i] * (ranges[i][1] - ranges[i][0])) / (event.shiftKey ? 10 : 40), ...ranges[i])));
    } else if (event.key === "Enter" && cross && isOpen()) put(cross);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  return { take, colourIn, draw, ranges: () => ranges, ring: (rows) => { batch = rows; }, point: () => cross && cross.slice(0, data.width) };
}
