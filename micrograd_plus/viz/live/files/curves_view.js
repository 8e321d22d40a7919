/* The loss over the iterations, of each run, with a cursor that rewinds; and how far each batch's gradient strays. */

const AXIS = { left: 50, right: 10, top: 8, bottom: 24 };
const DASH = [7, 4];

/** Draws the losses of all runs; `go(iteration)` is called where the picture is pressed or dragged over. */
function curvesView({ go }) {
  const canvas = element("curves");
  let across = null;
  let reach = 1;

  function draw(runs, here, isLog) {
    const { pen, width, height } = sharp(canvas);
    const { text, muted, grid } = themed();
    const [left, right, top, bottom] = [AXIS.left, width - AXIS.right, AXIS.top, height - AXIS.bottom];
    reach = Math.max(10, ...runs.map(({ run }) => run.furthest));
    across = scale([0, reach], [left, right]);
    const curves = runs.map(curvesOf);
    const heights = curves.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(([, loss]) => loss))).filter(Number.isFinite);
    const usesLog = isLog && heights.every((loss) => loss > 0);
    const read = usesLog ? Math.log10 : (loss) => loss;
    const highest = heights.length ? largestOf(heights) : 1;
    const range = usesLog && heights.length ? [Math.floor(read(-largestOf(heights.map((loss) => -loss)))), Math.ceil(read(highest))] : [0, highest || 1];
    const up = scale(range, [bottom, top]);
    Object.assign(pen, { font: FONT, fillStyle: muted, strokeStyle: grid, lineWidth: 1, textAlign: "right" });
    for (const tick of ticks(range, 3).filter((each) => !usesLog || Number.isInteger(each))) {
      pen.beginPath();
      pen.moveTo(left, Math.round(up(tick)) + 0.5);
      pen.lineTo(right, Math.round(up(tick)) + 0.5);
      pen.stroke();
      pen.fillText(number(usesLog ? 10 ** tick : tick), left - 6, up(tick) + 4);
    }
    const along = ticks([0, reach], width / 90).filter(Number.isInteger);
    for (const tick of along) {
      pen.textAlign = tick ? (across(tick) > right - 20 ? "right" : "center") : "left";
      pen.fillText(tick ? number(tick) : "iteration 0", across(tick), bottom + 17);
    }
    runs.forEach((each, i) => {
      for (const at of each.marks) {
        Object.assign(pen, { strokeStyle: muted, lineWidth: 1 });
        pen.setLineDash([2, 3]);
        pen.beginPath();
        pen.moveTo(across(at), top);
        pen.lineTo(across(at), bottom);
        pen.stroke();
      }
      for (const { points, thin, dashed } of curves[i].lines) {
        Object.assign(pen, { strokeStyle: themed()[runColour(each.place)], lineWidth: thin ? 1 : 2, globalAlpha: thin ? 0.35 : 1, lineJoin: "round" });
        pen.setLineDash(dashed ? DASH : []);
        pen.beginPath();
        for (const [at, loss] of thinned(points, right - left)) pen.lineTo(across(at), clamp(up(read(loss)), top, bottom));
        pen.stroke();
        if (points.length === 1 && !thin) pen.fillRect(across(points[0][0]) - 2, up(read(points[0][1])) - 2, 4, 4);
      }
    });
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    Object.assign(pen, { strokeStyle: text, lineWidth: 1.5, fillStyle: text });
    pen.beginPath();
    pen.moveTo(across(here), top - 4);
    pen.lineTo(across(here), bottom + 3);
    pen.stroke();
    canvas.setAttribute("aria-label", `The losses of ${counted(reach, "iteration")}; the cursor stands at ${here}`);
  }

  function curvesOf({ run, start }) {
    const { losses, epochs } = run.history;
    const of = (part) => [
      ...(start?.[part] ? [[0, start[part].loss]] : []),
      ...epochs.filter((epoch) => epoch[part]).map((epoch) => [epoch.iteration, epoch[part].loss]),
    ];
    return { lines: [
      { points: losses.map((loss, i) => [i + 1, loss]), thin: true },
      { points: of("training") },
      { points: of("validation"), dashed: true },
    ].filter(({ points }) => points.length) };
  }

  const iterationAt = (event) => {
    const box = canvas.getBoundingClientRect();
    return Math.round(clamp(scale([AXIS.left, box.width - AXIS.right], [0, reach])(event.clientX - box.left), 0, reach));
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); go(iterationAt(event)); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) go(iterationAt(event)); });
  return { draw };
}

const largestOf = (numbers) => numbers.reduce((a, b) => Math.max(a, b), -Infinity);

/** Of many points the lowest and the highest of each pixel, so that no peak is lost and drawing stays quick. */
function thinned(points, pixels) {
  const each = Math.ceil(points.length / pixels);
  if (each <= 2) return points;
  const found = [];
  for (let from = 0; from < points.length; from += 2 * each) {
    const group = points.slice(from, from + 2 * each);
    const [low, high] = group.reduce(([a, b], point) => [point[1] < a[1] ? point : a, point[1] > b[1] ? point : b], [group[0], group[0]]);
    found.push(...(low[0] < high[0] ? [low, high] : [high, low]));
  }
  return found;
}

/** Draws each batch's gradient as a needle beside the full gradient, which lies flat; returns a sentence about them. */
function drawNeedles(noise, current) {
  const { pen, width, height } = sharp(element("needles"));
  const { text, muted, grid, positive } = themed();
  const [x, y] = [width / 2, height - 20];
  const longest = Math.max(1, ...noise.batches.map((batch) => batch.norm / (noise.norm || 1)).filter(Number.isFinite));
  const unit = Math.max(0, Math.min(x - 12, y - 10)) / longest;  // 0 while it is folded away
  Object.assign(pen, { font: FONT, fillStyle: muted, strokeStyle: grid, lineWidth: 1, textAlign: "center" });
  pen.beginPath();
  pen.arc(x, y, unit, Math.PI, 2 * Math.PI);
  pen.moveTo(x - unit * longest, y + 0.5);
  pen.lineTo(x + unit * longest, y + 0.5);
  pen.stroke();
  for (const [label, at] of [["opposite", -1], ["across", 0], ["along the full gradient", 1]])
    pen.fillText(label, clamp(x + at * unit * longest, 30, width - 66), y + 16);
  noise.batches.forEach((batch, i) => {
    const length = (unit * batch.norm) / (noise.norm || 1);
    const angle = Math.acos(clamp(batch.cosine, -1, 1));
    const isNow = i === current;
    Object.assign(pen, { strokeStyle: isNow ? text : positive, lineWidth: isNow ? 2.5 : 1.5, globalAlpha: isNow ? 1 : 0.6 });
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x + length * Math.cos(angle), y - length * Math.sin(angle));
    pen.stroke();
  });
  pen.globalAlpha = 1;
  const angles = noise.batches.map((batch) => (180 / Math.PI) * Math.acos(clamp(batch.cosine, -1, 1)));
  const [least, most] = [Math.min(...angles), Math.max(...angles)].map((angle) => `${Math.round(angle)}°`);
  if (noise.batches.length === 1) return "Batch gradient descent: the one batch holds all training rows, so its gradient is the full one, and there is no noise.";
  return `The ${noise.batches.length} batches of this epoch point ${least === most ? least : `${least} to ${most}`} away from the full gradient (0° is the same way, 90° is no help, beyond it against). The arc is as long as the full gradient. Larger batches have less noise.`;
}
