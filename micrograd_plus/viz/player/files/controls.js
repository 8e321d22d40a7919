"use strict";
/* What every player has: moving by buttons, slider, keys, address and clock; help, dark mode, and words for the ear. */

/** Finds the element of an id. */
const element = (id) => document.getElementById(id);

/** Makes an element of a class, holding texts and other elements; text never becomes markup. */
function make(tag, className, ...parts) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...parts);
  return made;
}

/** Makes an SVG element with these attributes. */
function makeSVG(tag, attributes, ...parts) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...parts);
  return made;
}

const data = JSON.parse(element("data").textContent);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const NOWHERE = { more: () => false, cross: () => 0 };

/**
 * Drives a page through positions 0 to `last`.
 * `show(position)` draws one and returns the sentence to be read aloud; `place(position)` names it for the eye;
 * `parts` are {name, at} where a part begins, those with a name with a button; `pause` is how long a position stays, in
 * ms; `start` is the first shown; `stops()` are the positions that next and previous stop at, if not at every one;
 * `ask(position)` may ask something first, and says whether it did; `around.more(direction)` tells whether something
 * lies beyond the last or before the first position, `around.cross(direction)` goes there and returns the new position.
 */
function drive({ last, show, place, parts, pause, start = 0, stops = () => [], ask = () => false, around = NOWHERE }) {
  const slider = element("slider");
  let here = -1;
  let clock = null;
  let speaking = null;
  slider.max = last;

  function go(position, playing = false) {
    const next = Math.max(0, Math.min(last, Math.round(position) || 0));
    if (!playing) stop();
    if (next === here) return;
    here = next;
    const sentence = show(here);
    tell();
    if (!playing) settle(sentence);
  }

  /* Where we are, and which way it goes on from here. */
  function tell() {
    slider.value = here;
    slider.setAttribute("aria-valuetext", place(here));
    element("where").textContent = place(here);
    const closed = { first: here === 0, previous: here === 0 && !around.more(-1), next: here === last && !around.more(1), last: here === last };
    for (const [id, is] of Object.entries(closed)) element(id).setAttribute("aria-disabled", is);
    for (const [i, button] of [...element("jumps").children].entries())
      button.setAttribute("aria-current", partOf(here) === i ? "step" : "false");
  }

  /* Over the end, or back over the beginning, if something lies there. */
  function cross(direction, playing = false) {
    if (!around.more(direction)) return false;
    const to = around.cross(direction);
    if (to !== here) go(to, playing);
    return true;
  }

  /* The address and the ear get only the position where somebody stops, not each one that goes by. */
  function settle(sentence) {
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      element("live").textContent = sentence;
      if (window.parent === window && location.hash !== `#${here}` && (location.hash || here !== start))
        history.replaceState(null, "", `#${here}`);
    }, 150);
  }

  function play() {
    if (here === last && !cross(1, true)) go(0, true);
    document.body.classList.add("playing");
    element("play").setAttribute("aria-label", "Pause");
    tick();
  }

  function tick() {
    clock = setTimeout(() => {
      go(beside(1), true);
      if (here < last) tick();
      else { stop(); settle(show(here)); }
    }, pause / Number(element("speed").value));
  }

  function stop() {
    if (clock === null) return;
    clearTimeout(clock);
    clock = null;
    document.body.classList.remove("playing");
    element("play").setAttribute("aria-label", "Play");
  }

  function toggle() {
    if (clock === null) play();
    else { stop(); settle(show(here)); }
  }

  const partOf = (position) => parts.reduce((found, part, i) => (part.at <= position ? i : found), 0);
  const toPart = (step) => {
    const now = partOf(here);
    const target = step < 0 && parts[now].at < here ? now : now + step;
    go(target < 0 ? 0 : target >= parts.length ? last : parts[target].at);
  };

  const beside = (step) => {
    const at = stops();
    if (!at.length) return here + step;
    return step > 0 ? at.find((each) => each > here) ?? last : at.findLast((each) => each < here) ?? 0;
  };
  const next = () => {
    if (here === last) cross(1);
    else if (!ask(beside(1))) go(beside(1));
  };
  const previous = () => { if (here > 0 || !cross(-1)) go(beside(-1)); };

  const keys = {
    ArrowRight: next, ArrowLeft: previous,
    Home: () => go(0), End: () => go(last),
    PageDown: () => toPart(1), PageUp: () => toPart(-1),
    " ": toggle, "?": () => element("help").showModal(), d: toggleTheme,
  };
  addEventListener("keydown", (event) => {
    const on = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || element("help").open) return;
    if (on.matches("select, input:not(#slider)")) return;
    if (event.key === " " && on.matches("button, summary, a")) return;  // its own press
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  element("first").addEventListener("click", keys.Home);
  element("previous").addEventListener("click", keys.ArrowLeft);
  element("next").addEventListener("click", keys.ArrowRight);
  element("last").addEventListener("click", keys.End);
  element("play").addEventListener("click", toggle);
  element("ask").addEventListener("click", keys["?"]);
  element("theme").addEventListener("click", toggleTheme);
  slider.addEventListener("input", () => go(slider.valueAsNumber));
  addEventListener("hashchange", () => go(fromAddress()));
  for (const part of parts.filter((each) => each.name)) {
    const button = make("button", "", part.name);
    button.type = "button";
    button.style.flexGrow = part.share ?? 1;
    button.addEventListener("click", () => go(part.at));
    element("jumps").append(button);
  }
  const fromAddress = () => (/^#\d+$/.test(location.hash) ? Number(location.hash.slice(1)) : start);
  /* In a frame, keys arrive without a click: a hand that moves over the page means it. */
  addEventListener("pointermove", (event) => {
    if (window.parent !== window && !document.hasFocus() && (event.movementX || event.movementY)) window.focus();
  });
  markTheme();
  go(fromAddress());
  return { go, tell, here: () => here };
}

/* ---- dark and light: the reader's system decides until the button does */

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (darkSystem.matches ? "dark" : "light")) === "dark";

function markTheme() {
  element("theme").setAttribute("aria-pressed", isDark());
  dispatchEvent(new Event("themechange"));
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  markTheme();
}

darkSystem.addEventListener("change", markTheme);
