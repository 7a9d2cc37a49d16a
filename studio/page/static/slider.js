// A slider that shows the server's value only while it is not moved.

import { make } from "./elements.js";
import { newest } from "./api.js";
import { attempt } from "./notices.js";
import { number, t } from "./text.js";

const STILL_MS = 600; // after the last move, because the server may still send the old value

/**
 * `send(value)` is called with the newest value while the slider moves. Returns `box`, its element, and `show(value)`
 * for the server's value. A double click resets it to `usual`.
 */
export function slider({ label, min = 0, max = 1, step = 0.01, usual = null, format = (value) => number(value, 2), send }) {
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
    input.title = t("slider.reset", { value: format(usual) });
  }
  input.value = usual ?? min;
  paint();

  let waiting = 0;

  function show(number) {
    clearTimeout(waiting);
    const stillMs = STILL_MS - (performance.now() - touched);
    if (sender.isBusy || stillMs > 0) {
      waiting = setTimeout(() => show(number), Math.max(stillMs, 100)); // it may be the last one for long
      return;
    }
    input.value = number;
    paint();
  }

  return { box, input, show };
}
