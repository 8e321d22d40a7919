// The button that turns pages dark or light, players in frames too, and frames as tall as what is in them.
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

  addEventListener("DOMContentLoaded", () => {
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
