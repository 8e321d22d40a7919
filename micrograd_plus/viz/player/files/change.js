/* Numbers that the reader changes: any leaf, the optimizer and its rate; and passes that go on from one another. */

/* ---- one leaf at a time: chosen by its box or in the list, typed or dragged */

const leaves = nodes.flatMap((node, place) => (node.children || data.fixed ? [] : [place]));
let leaf = leaves.find((place) => weights.has(place)) ?? leaves[0];

/** A leaf's name in the list; where others have the same short name, it is followed by the whole. */
const listed = (place) => (leaves.some((other) => other !== place && short(other) === short(place)) ? `${short(place)} (${fullName(place)})` : short(place));

/** A round number of at least that size. */
function round(size) {
  const ten = 10 ** Math.floor(Math.log10(size));
  return [1, 2, 5, 10].map((each) => each * ten).find((each) => each >= size * 0.999);
}

/** How far a slider goes: a mask has two places, an index whole ones, any other number as far again and more. */
function reach(place) {
  const { scale, limits } = nodes[place];
  if (scale !== undefined) return { min: 0, max: scale, step: scale };
  if (limits) return limits;
  const far = given[place] ? round(2 * Math.abs(given[place])) : 2;
  const max = Math.abs(given[place]) < 0.05 && given[place] ? far : Math.max(2, far);
  return { min: -max, max, step: max / 200 };
}

function choose(place) {
  if (!leaves.includes(place)) return;
  drawn[leaf].box.classList.remove("chosen");
  leaf = place;
  drawn[leaf].box.classList.add("chosen");
  Object.assign(element("scrub"), reach(leaf));
  showLeaf();
}

function showLeaf() {
  const x = now().values[leaf];
  element("leaf").value = leaf;
  element("scrub").value = x;
  element("scrub").setAttribute("aria-valuetext", `${short(leaf)} = ${number(x)}`);
  if (document.activeElement !== element("typed") || parsed(element("typed").value) !== x) element("typed").value = number(x);
  element("typed").removeAttribute("aria-invalid");
}

/** What a leaf has to be, if a number is not fit for it. */
function needed({ scale, limits }, x) {
  if (!Number.isFinite(x)) return "a number, such as 0.5";
  if (scale !== undefined) return x === 0 || x === scale ? "" : `0 (dropped) or ${number(scale)} (kept)`;
  if (!limits) return "";
  const { min, max, step } = limits;
  const whole = step === 1;
  return x >= min && x <= max && (!whole || Number.isInteger(x)) ? "" : `${whole ? "a whole number " : ""}from ${min} to ${max}`;
}

function setLeaf(x, from) {
  attempt(() => {
    const cure = needed(nodes[leaf], x);
    if (cure) throw new Trouble(`${short(leaf)} is ${cure}`);
    set(leaf, x);
  }, from);
}

/** Does something with the numbers and shows what came of it; what the engine refuses is told, and nothing changes. */
function attempt(change, from) {
  try {
    change();
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    from?.setAttribute("aria-invalid", "true");
    element("worked").querySelector(".trouble")?.remove();
    element("worked").prepend(make("p", "trouble", `${error.message}. `, make("span", "", "Everything is left as it was.")));
    element("worked").scrollTop = 0;
    element("live").textContent = error.message;
    return false;
  }
  element("live").textContent = redraw();
  player.tell();
  tellChanged();
  return true;
}

function tellChanged() {
  showLeaf();
  for (const [i, place] of leaves.entries()) if (nodes[place].unnamed) element("leaf").options[i].textContent = listed(place);
  const isGiven = passes.length === 1 && settings.rule === 0 && settings.rate === null && leaves.every((each) => Object.is(now().numbers[each], given[each]));
  element("back").setAttribute("aria-disabled", isGiven);
}

/* ---- the chosen leaf's box, dragged to the left and to the right */

let dragged = false;

function drag(event) {
  const { box } = drawn[leaf];
  if (!box.classList.contains("chosen") || !box.contains(event.target)) return;
  const { min, max, step } = reach(leaf);
  const pixels = (max - min) / step > 20 ? 2 : 40;
  const start = now().values[leaf];
  dragged = false;
  const move = (to) => {
    const count = Math.round((to.clientX - event.clientX) / pixels);
    if (!count && !dragged) return;
    if (!dragged) box.setPointerCapture(event.pointerId);
    dragged = true;
    setLeaf(Math.max(min, Math.min(max, Number((start + count * step).toPrecision(12)))), element("scrub"));
  };
  box.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"])
    box.addEventListener(end, () => box.removeEventListener("pointermove", move), { once: true });
}

/* ---- the optimizer, its rate, and what has become of the loss */

function tellLosses() {
  if (!weights.size) return;
  const known = passes.slice(0, shown >= data.parts[0].share - 1 ? passes.length : -1).map(({ loss }) => number(loss));
  const fallen = known.length ? `: ${short(root)} ${known.slice(-2).join(" → ")}` : "";
  element("losses").textContent = `Pass ${passes.length}${fallen}`;
  element("losses").title = known.map((loss, i) => `pass ${i + 1}: ${loss}`).join("\n");
}

function showRate() {
  if (!weights.size) return;
  element("rule").value = settings.rule;
  element("rate").value = number(rateOf(groupOf([...weights][0]), now().t + 1), 6);
  element("rate").removeAttribute("aria-invalid");
}

function train(count) {
  for (let i = 0; i < count; i++) if (!attempt(goOn, element("pass"))) return;
}

/** Beyond the last step lies the next pass, and before the first step the last of the one before. */
const around = {
  more: (direction) => (direction > 0 ? weights.size > 0 && !data.fixed : passes.length > 1),
  cross: (direction) => (attempt(direction > 0 ? goOn : goBack) ? (direction > 0 ? 0 : steps.length - 1) : shown),
};

/* ---- the controls */

function begin() {
  element("leaf").append(...leaves.map((place) => new Option(listed(place), place)));
  element("leaf").addEventListener("change", (event) => choose(Number(event.target.value)));
  element("scrub").addEventListener("input", (event) => setLeaf(event.target.valueAsNumber, event.target));
  element("typed").addEventListener("input", (event) => {
    if (Number.isFinite(parsed(event.target.value))) setLeaf(parsed(event.target.value), event.target);
  });
  element("typed").addEventListener("change", (event) => setLeaf(parsed(event.target.value), event.target));
  element("back").addEventListener("click", () => {
    if (element("back").getAttribute("aria-disabled") === "true") return;
    attempt(reset);
    showRate();
  });
  canvas.addEventListener("pointerdown", drag);
  canvas.addEventListener("click", (event) => { if (dragged) event.stopPropagation(); dragged = false; }, { capture: true });
  choose(leaf);
  tellChanged();
}

function beginTraining() {
  element("training").hidden = false;
  element("rule").append(new Option(`${optimizer.name}, as given`, 0), ...optimizer.others.map(({ label }, i) => new Option(label, i + 1)));
  element("rule").addEventListener("change", (event) => { attempt(() => optimize(Number(event.target.value), null)); showRate(); });
  element("rate").addEventListener("change", (event) => {
    const rate = parsed(event.target.value);
    const done = attempt(() => {
      if (!(rate >= 0 && Number.isFinite(rate))) throw new Trouble("the learning rate must be at least 0");
      optimize(settings.rule, rate);
    }, event.target);
    if (done) showRate();
  });
  element("pass").addEventListener("click", () => train(1));
  element("passes").addEventListener("click", () => train(10));
  showRate();
}

/* ---- begin: nothing is computed yet */

for (const [place, { children }] of nodes.entries()) if (children) fillBox(place, false);
paint(-1);

const player = drive({
  last: steps.length - 1,
  show,
  place: (position) => `${passes.length > 1 ? `Pass ${passes.length}, step` : "Step"} ${position} of ${steps.length - 1}`,
  parts: data.parts,
  pause: 1500,
  stops: () => grain,
  ask,
  around,
});

if (leaves.length) begin();
else element("change").hidden = true;
if (weights.size && !data.fixed) beginTraining();
document.body.dataset.ready = "yes";
