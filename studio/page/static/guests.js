// Further characters beside the main one: their order, what moves them, and whose place the sliders change.

import { post } from "./api.js";
import { button, choice, element, field, make } from "./elements.js";
import { attempt } from "./notices.js";
import { current, onPart } from "./state.js";
import { named, t } from "./text.js";

const MAIN = null; // the main character in an order
const SAME = "same";
// Kind, label, and what may follow it after a colon: its label and an example; "" for nothing.
const PERFORMERS = [
  [SAME, t("guests.same"), "", ""],
  ["webcam", t("guests.webcam"), t("guests.camera_number"), "1"],
  ["livelink", named("source_kind", "livelink"), t("guests.port"), "11112"],
  ["ifacialmocap", named("source_kind", "ifacialmocap"), t("setup.phone_address"), ""],
  ["facemotion3d", named("source_kind", "facemotion3d"), t("setup.phone_address"), ""],
  ["vmc", named("source_kind", "vmc"), t("guests.port"), "39540"],
  ["openseeface", named("source_kind", "openseeface"), t("guests.port"), "11574"],
  ["demo", named("source_kind", "demo"), "", ""],
];

/** From back to front, with MAIN among them. */
function order({ guests }) {
  return [...guests.filter((one) => one.is_behind), MAIN, ...guests.filter((one) => !one.is_behind)];
}

/** Sends this order. */
function use(layers) {
  const main = layers.indexOf(MAIN);
  const guests = layers
    .map((one, at) => one && { character: one.character, source: one.source, is_behind: at < main })
    .filter(Boolean);
  return attempt(() => post("/api/guests", { guests }), "guests");
}

function move(layer, by) {
  const layers = order(current());
  const at = layers.findIndex((one) => one?.character === layer?.character);
  if (!(at + by in layers)) return null;
  [layers[at], layers[at + by]] = [layers[at + by], layers[at]];
  return use(layers);
}

function performer(source) {
  const [kind, rest] = source.split(":");
  const label = PERFORMERS.find(([name]) => name === kind)?.[1] ?? kind;
  return rest ? `${label}, ${rest}` : label;
}

function row(layer, name) {
  const about = layer ? `${performer(layer.source)} · ${layer.error || named("guest", layer.state)}` : t("guests.main");
  const others = layer
    ? [
        layer.error ? button(t("guests.again"), () => use(order(current())), { "aria-label": t("guests.again_name", { name }) }) : null,
        button("×", () => use(order(current()).filter((one) => one?.character !== name)), {
          class: "close",
          "aria-label": t("button.remove_name", { name }),
        }),
      ].filter(Boolean)
    : [];
  return make(
    "li",
    { class: "entry", "data-guest": layer ? name : null },
    make("strong", {}, name, make("small", { class: layer?.error ? "guest-about problem" : "guest-about quiet", text: about })),
    button("↑", () => move(layer, 1), { "aria-label": t("guests.forward_name", { name }), title: t("guests.forward") }),
    button("↓", () => move(layer, -1), { "aria-label": t("guests.back_name", { name }), title: t("guests.back") }),
    ...others,
  );
}

function show([guests, main]) {
  const focused = document.activeElement?.closest("#guests") ? document.activeElement.getAttribute("aria-label") : null;
  const layers = guests.length ? order({ guests }).reverse() : [];
  element("guests").replaceChildren(...layers.map((one) => row(one, one ? one.character : main)));
  if (focused) element("guests").querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

function showForm(who, [characters, guests, main]) {
  const taken = [main, ...guests.map((one) => one.character)];
  const free = characters.filter((one) => one.can_be_shown && one.kind === "open" && !taken.includes(one.name));
  const before = who.value;
  who.replaceChildren(...free.map((one) => make("option", { value: one.name, text: one.name, selected: one.name === before })));
}

export function startGuests() {
  const who = choice([], "");
  const kind = choice(PERFORMERS.map(([name, label]) => [name, label]), SAME);
  const more = make("input", { type: "text", maxlength: 200, autocomplete: "off" });
  const moreField = field(t("guests.port"), more);
  const arrange = () => {
    const [, , label, example] = PERFORMERS.find(([name]) => name === kind.value);
    moreField.hidden = !label;
    moreField.querySelector(".label").textContent = label;
    more.value = example;
  };
  kind.addEventListener("change", arrange);
  arrange();
  const add = button(t("guests.add"), () => {
    const source = more.value.trim() && !moreField.hidden ? `${kind.value}:${more.value.trim()}` : kind.value;
    return use([...order(current()), { character: who.value, source }]);
  });
  element("guest-form").replaceChildren(field(t("hotkeys.character"), who), field(t("calibration.performer"), kind), moreField, add);
  onPart((state) => [state.guests, state.character], show);
  onPart((state) => [state.characters, state.guests, state.character], (parts) => showForm(who, parts));
}
