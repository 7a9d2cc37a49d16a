// Further characters beside the main one: their order, what moves them, and whose place the sliders change.

import { post } from "./api.js";
import { button, choice, element, field, make } from "./elements.js";
import { attempt } from "./notices.js";
import { current, onPart } from "./state.js";

const MAIN = null; // the main character in an order
const SAME = "same";
// Kind, label, and what may follow it after a colon: its label and an example; "" for nothing.
const PERFORMERS = [
  [SAME, "You, like the main character", "", ""],
  ["webcam", "Another camera", "Number of the camera", "1"],
  ["livelink", "iPhone: Live Link Face", "Port", "11112"],
  ["ifacialmocap", "iPhone: iFacialMocap", "Address of the phone", ""],
  ["facemotion3d", "iPhone: Facemotion3d", "Address of the phone", ""],
  ["vmc", "VMC", "Port", "39540"],
  ["openseeface", "OpenSeeFace", "Port", "11574"],
  ["demo", "Demo", "", ""],
];
const STATES = { starting: "is being loaded", shown: "is shown" };

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
  const about = layer ? `${performer(layer.source)}: ${layer.error || STATES[layer.state]}` : "Main character";
  const others = layer
    ? [
        layer.error ? button("Try again", () => use(order(current())), { "aria-label": `Try again with ${name}` }) : null,
        button("×", () => use(order(current()).filter((one) => one?.character !== name)), {
          class: "close",
          "aria-label": `Remove ${name}`,
        }),
      ].filter(Boolean)
    : [];
  return make(
    "li",
    { class: "entry", "data-guest": layer ? name : null },
    make("strong", {}, name, make("small", { class: layer?.error ? "guest-about problem" : "guest-about quiet", text: about })),
    button("↑", () => move(layer, 1), { "aria-label": `Bring ${name} forward`, title: "Forward" }),
    button("↓", () => move(layer, -1), { "aria-label": `Send ${name} back`, title: "Back" }),
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
  const moreField = field("Port", more);
  const arrange = () => {
    const [, , label, example] = PERFORMERS.find(([name]) => name === kind.value);
    moreField.hidden = !label;
    moreField.querySelector(".label").textContent = label;
    more.value = example;
  };
  kind.addEventListener("change", arrange);
  arrange();
  const add = button("Add", () => {
    const source = more.value.trim() && !moreField.hidden ? `${kind.value}:${more.value.trim()}` : kind.value;
    return use([...order(current()), { character: who.value, source }]);
  });
  element("guest-form").replaceChildren(field("Character", who), field("Performer", kind), moreField, add);
  onPart((state) => [state.guests, state.character], show);
  onPart((state) => [state.characters, state.guests, state.character], (parts) => showForm(who, parts));
}
