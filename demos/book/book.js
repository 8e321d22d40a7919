// What a page does by itself: dark or light (players in frames too), frames as tall as what is in them, a tab stop and a
// name for what scrolls, folded code that a link leads into, and slides: one heading at a time.
"use strict";
(() => {
  const root = document.documentElement;
  const kept = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;

  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  const inside = (frame) => { try { return frame.contentDocument; } catch { return null; } };

  const dress = (frame) => {
    const page = inside(frame);
    if (!page || !page.documentElement) return;
    if (root.dataset.theme) page.documentElement.dataset.theme = root.dataset.theme;
    frame.style.height = "";  // measured anew from the style sheet's height: what is in it may have shrunk
    const height = page.documentElement.scrollHeight;
    if (height > frame.clientHeight) frame.style.height = `${height + 2}px`;
  };

  // What is wider than its place can be scrolled with the keyboard, and says so; what fits is no tab stop.
  const measure = () => {
    for (const each of document.querySelectorAll(".scroll, .html div")) {
      const isWide = each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX === "auto";
      each.classList.toggle("wide", isWide);
      if (isWide) {
        each.tabIndex = 0;
        each.setAttribute("role", "group");
        each.setAttribute("aria-label", "Wider than the page: scroll sideways");
      } else for (const name of ["tabindex", "role", "aria-label"]) each.removeAttribute(name);
    }
  };

  // A link to a cell opens what is folded there.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.querySelectorAll(":scope > details").forEach((each) => { each.open = true; });
  };

  // A slide is a heading and all that follows it, up to the next.
  const slides = () => {
    const main = document.querySelector("main");
    const parts = [];
    for (const child of [...main.children]) {
      for (const part of child.matches(".prose") ? [...child.children] : [child]) {
        if (!parts.length || part.matches("h2")) parts.push([]);
        parts.at(-1).push(part);
      }
    }
    let at = Math.max(parts.findIndex((part) => part.some((each) => each.getBoundingClientRect().bottom > 80)), 0);
    const show = (to) => {
      at = Math.min(Math.max(to, 0), parts.length - 1);
      parts.forEach((part, i) => part.forEach((each) => each.classList.toggle("away", i !== at)));
      scrollTo(0, 0);
      measure();
    };
    const turn = (event) => {
      if (event.target.closest("input, button, summary, .wide") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") return end();
      const by = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[event.key];
      if (by) { event.preventDefault(); show(at + by); }
    };
    const end = () => {
      removeEventListener("keydown", turn);
      root.classList.remove("as-slides");
      parts.flat().forEach((each) => each.classList.remove("away"));
      parts[at][0].scrollIntoView();
      measure();
    };
    root.classList.add("as-slides");
    addEventListener("keydown", turn);
    show(at);
    return end;
  };

  addEventListener("DOMContentLoaded", () => {
    const onePage = document.querySelector(".slides");
    if (onePage) {
      let end = null;
      onePage.hidden = false;
      onePage.title = "One heading at a time; arrow keys turn, Escape ends";
      onePage.addEventListener("click", () => {
        if (root.classList.contains("as-slides")) end(); else end = slides();
        onePage.blur();
      });
    }
    const toc = document.querySelector(".toc details");
    const isNarrow = matchMedia("(max-width: 77.99rem)");
    const fold = () => { if (toc) toc.open = !isNarrow.matches; };
    fold();
    isNarrow.addEventListener("change", fold);
    unfold();
    addEventListener("hashchange", unfold);
    measure();
    addEventListener("resize", measure);
    addEventListener("load", measure);
    document.addEventListener("toggle", measure, true);
    const answers = () => document.querySelectorAll("main details:not(.helper)");
    addEventListener("beforeprint", () => answers().forEach((each) => { each.open = true; }));

    const button = document.querySelector(".theme");
    const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* a page opened from a file may not keep it */ }
      name();
      document.querySelectorAll("iframe").forEach(dress);
    });
    for (const frame of document.querySelectorAll("iframe")) {
      frame.addEventListener("load", () => {
        dress(frame);
        const page = inside(frame);
        if (page && page.body) new ResizeObserver(() => requestAnimationFrame(() => dress(frame))).observe(page.body);
      });
    }
  });
})();
