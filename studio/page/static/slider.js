// A slider that does not jump back under the hand: what the server says is shown when nobody moves it.

import { make } from "./elements.js";
import { newest } from "./api.js";
import { attempt } from "./notices.js";

const STILL_MS = 600; // after the last touch the server's answer may still be the one before

/**
 * `send(value)` gets the newest value while the slider moves. Of what comes back: `box` to be put on the page, and
 * `show(value)` for what the server says. A double click goes back to `usual`.
 */
export function slider({ label, min = 0, max = 1, step = 0.01, usual = null, format = (v) => v.toFixed(2), send }) {
  const value = make("output", { class: "value" });
  const input = make("input", { type: "range", min, max, step, "aria-label": label });
  const box = make("div", { class: "slider" }, input, value);
  const sender = newest((number) => attempt(() => send(number), `slider ${label}`));
  const share = (number) => `${(100 * (number - min)) / (max - min)}%`;
  let touched = -Infinity;

  function paint() {
    const number = Number(input.value);
    value.textContent = format(number);
    input.setAttribute("aria-valuetext", value.textContent);
    input.style.setProperty("--share", share(number));
  }

  function take() {
    touched = performance.now();
    paint();
    sender(Number(input.value));
  }

  input.addEventListener("input", take);
  input.addEventListener("dblclick", () => {
    if (usual === null) return;
    input.value = usual;
    take();
  });
  if (usual !== null) {
    input.classList.add("has-usual");
    input.style.setProperty("--usual", (usual - min) / (max - min));
    input.title = `Double click: back to ${format(usual)}`;
  }
  input.value = usual ?? min;
  paint();

  let waiting = 0;

  function show(number) {
    clearTimeout(waiting);
    const stillMs = STILL_MS - (performance.now() - touched);
    if (sender.isBusy || stillMs > 0) {
      waiting = setTimeout(() => show(number), Math.max(stillMs, 100)); // it may be the last word for long
      return;
    }
    input.value = number;
    paint();
  }

  return { box, input, show };
}
