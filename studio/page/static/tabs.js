// The panels, one at a time; on a wide screen two of them stand beside the others all the time.

import { element } from "./elements.js";

const WIDE = matchMedia("(min-width: 1200px)");
const HEADER = 60; // pixels at the top that stay
const listeners = [];
let chosen = "characters";

const tabs = () => [...document.querySelectorAll("[role=tab]")];
const isBeside = (tab) => WIDE.matches && tab.dataset.beside !== undefined;
const isOpen = (name) => name === chosen || isBeside(element(`tab-${name}`));

function show(name) {
  chosen = name;
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

/** Within its strip; and the page, where it is scrolled, goes back to the panel's beginning. */
function centre(tab) {
  const strip = element("tabs");
  strip.scrollTo({ left: tab.offsetLeft - (strip.clientWidth - tab.offsetWidth) / 2 });
  const top = strip.parentElement.getBoundingClientRect().top + scrollY - HEADER;
  if (scrollY > top) scrollTo({ top });
}

function arrange() {
  const now = element(`tab-${chosen}`);
  show(isBeside(now) ? "characters" : chosen);
}

/** Goes to a panel. */
export const openPanel = show;

/** Calls `listener(isOpen)` when this panel comes into sight or leaves it, a hidden window included; and now. */
export function onSight(name, listener) {
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
