// What can be set of a character: colours as swatches, styles, and the numbers that the model knows.

import { get } from "./api.js";
import { make, words } from "./elements.js";

function swatches(attribute, colours) {
  const box = make("div", { class: "swatches", role: "radiogroup", "aria-label": words(attribute) });
  const own = make("input", { type: "color", value: "#808080", "aria-label": `${words(attribute)}: a colour of your own` });
  const group = `set-${attribute}`;
  const radio = (value, title) => {
    const input = make("input", { type: "radio", name: group, value, checked: value === "", "aria-label": title });
    const patch = make("span", { title });
    box.append(make("label", { class: value === "" ? "as-is" : "swatch" }, input, patch));
    return { input, patch };
  };
  radio("", "as it is").patch.textContent = "as is";
  for (const { name, hex } of colours) radio(name, words(name)).patch.style.background = hex;
  const custom = radio("custom", "a colour of your own");
  custom.patch.replaceWith(own);
  own.addEventListener("input", () => (custom.input.checked = true));
  own.addEventListener("click", () => (custom.input.checked = true));
  return {
    box: make("fieldset", {}, make("legend", { text: words(attribute) }), box),
    value() {
      const chosen = box.querySelector("input:checked").value;
      return chosen === "custom" ? own.value : chosen;
    },
  };
}

function styles(all) {
  const select = make("select", { "aria-label": "Style" }, make("option", { value: "", text: "as it is" }));
  all.forEach((style) => select.append(make("option", { value: style, text: words(style) })));
  return { box: make("fieldset", {}, make("legend", { text: "Style" }), select), value: () => select.value };
}

function number(attribute, { least, most }) {
  const tick = make("input", { type: "checkbox", "aria-label": `Set ${attribute}` });
  const input = make("input", { type: "range", min: least, max: most, step: 0.05, value: (least + most) / 2, "aria-label": words(attribute) });
  const value = make("output", { class: "value", text: "as is" });
  const paint = () => {
    input.style.setProperty("--share", `${(100 * (input.value - least)) / (most - least)}%`);
    value.textContent = tick.checked ? Number(input.value).toFixed(2) : "as is";
  };
  input.addEventListener("input", () => {
    tick.checked = true;
    paint();
  });
  tick.addEventListener("change", paint);
  paint();
  return {
    box: make("fieldset", {}, make("legend", { text: words(attribute) }), make("div", { class: "slider ticked" }, tick, input, value)),
    value: () => (tick.checked ? Number(input.value) : ""),
  };
}

/** All that can be set: `box` for the page, `values()` only what is set. */
export function adjustments() {
  const box = make("div", { class: "adjustments" }, make("p", { class: "hint", text: "Looking what can be set …" }));
  const parts = new Map();

  async function fill() {
    const choices = await get("/api/characters/choices");
    for (const [name, colours] of Object.entries(choices.colours)) parts.set(name, swatches(name, colours));
    parts.set("style", styles(choices.styles));
    for (const [name, range] of Object.entries(choices.numbers)) parts.set(name, number(name, range));
    box.replaceChildren(...[...parts.values()].map((part) => part.box));
  }

  fill().catch((error) => box.replaceChildren(make("p", { class: "problem", text: error.message })));
  return {
    box,
    values() {
      const all = [...parts].map(([name, part]) => [name, part.value()]);
      return Object.fromEntries(all.filter(([, value]) => value !== ""));
    },
  };
}
