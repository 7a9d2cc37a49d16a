// The panels, one at a time; on a wide screen two of them are always visible at the side.

import { element } from "./elements.js";
import { readStored, store } from "./storage.js";

const WIDE = matchMedia("(min-width: 1200px)");
const HEADER = 60; // pixels of the fixed header
const listeners = [];
let chosen = readStored("panel", "characters"); // a reload shows the same one again

const tabs = () => [...document.querySelectorAll("[role=tab]")];
const isBeside = (tab) => WIDE.matches && tab.dataset.beside !== undefined;
const isOpen = (name) => name === chosen || isBeside(element(`tab-${name}`));

function show(name) {
  chosen = name;
  store("panel", name);
  for (const tab of tabs()) {
    const own = tab.dataset.panel;
    const isChosen = own === chosen;
    tab.hidden = isBeside(tab);
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    element(`panel-${own}`).hidden = !isOpen(own);
    if (isChosen) centre(tab);
  }
  listeners.forEach((listener) => listener());
}

/** Scrolls the tab into view, and a scrolled page to the start of the panel. */
function centre(tab) {
  const strip = element("tabs");
  strip.scrollTo({ left: tab.offsetLeft - (strip.clientWidth - tab.offsetWidth) / 2 });
  const top = strip.parentElement.getBoundingClientRect().top + scrollY - HEADER;
  if (scrollY > top) scrollTo({ top });
}

function arrange() {
  const now = element(`tab-${chosen}`);
  show(now === null || isBeside(now) ? "characters" : chosen);
}

/** Shows a panel. */
export const openPanel = show;

/** Calls `listener(isVisible)` now and when this panel, or the window, is shown or hidden. */
export function onVisible(name, listener) {
  let before;
  const look = () => {
    const now = isOpen(name) && !document.hidden;
    if (now !== before) listener((before = now));
  };
  listeners.push(look);
  document.addEventListener("visibilitychange", look);
  look();
}

function move(event) {
  const row = tabs().filter((tab) => !tab.hidden);
  const at = row.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: row.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const next = row[(to + row.length) % row.length];
  show(next.dataset.panel);
  next.focus();
}

export function startTabs() {
  for (const tab of tabs()) tab.addEventListener("click", () => show(tab.dataset.panel));
  element("tabs").addEventListener("keydown", move);
  WIDE.addEventListener("change", arrange);
  arrange();
}
