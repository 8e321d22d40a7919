/* The sheet that the drawing is on: its size, what of it is in view, and a map of it if it is large. */

const svg = document.querySelector("#canvas > svg");
const canvas = element("canvas");

const natural = svg.viewBox.baseVal;
const LEGIBLE = 0.6;
let zoom = null;  // none chosen: all of the drawing if it is legible then, else as much as is

const fitting = () => Math.min((canvas.clientWidth - 24) / natural.width, (canvas.clientHeight - 24) / natural.height, 2.2);
const scale = () => zoom ?? (fitting() < LEGIBLE ? 1 : fitting());

function resize() {
  svg.style.width = `${natural.width * scale()}px`;
  frameMap();
  refollow();
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
