// Outputs to other programs: those that are on, and a row that switches another one on.

import { post } from "./api.js";
import { button, choice, element, field, make, say } from "./elements.js";
import { onPart } from "./state.js";
import { t } from "./text.js";

// Kind, label, and the example of its host; "" for a program of this machine alone.
const KINDS = [
  ["virtualcam", t("outputs.virtualcam"), ""],
  ["ndi", t("outputs.ndi"), ""],
  ["spout", t("outputs.spout"), ""],
  ["syphon", t("outputs.syphon"), ""],
  ["vts", t("outputs.vts"), "127.0.0.1"],
  ["vmc", t("outputs.vmc"), "127.0.0.1"],
  ["livelink", t("outputs.livelink"), "127.0.0.1"],
];

/** Posts a switch while its button is disabled; an error stands below the row. */
async function turn(clicked, destination, isOn) {
  clicked.disabled = true;
  say("output-problem", "");
  try {
    await post("/api/output", { destination, on: isOn });
  } catch (error) {
    say("output-problem", error.message);
  }
  clicked.disabled = false;
}

function row(one) {
  const off = button(t("outputs.off"), () => turn(off, one.destination, false), { "aria-label": t("outputs.off_name", { name: one.name }) });
  const name = make("span", { class: "program-name" }, make("b", { text: one.name }), make("small", { text: one.trouble || t("outputs.sent_to") }));
  return make("li", { class: one.trouble ? "program is-troubled" : "program", "data-destination": one.destination }, name, off);
}

function show(outputs) {
  element("programs").replaceChildren(...outputs.map(row));
}

export function startOutputSwitch() {
  const kind = choice(KINDS.map(([name, label]) => [name, label]), "virtualcam");
  const host = make("input", { type: "text", maxlength: 200, autocomplete: "off" });
  const hosting = field(t("outputs.host"), host);
  const arrange = () => {
    const usual = KINDS.find(([name]) => name === kind.value)[2];
    hosting.hidden = !usual;
    host.value = usual;
  };
  kind.addEventListener("change", arrange);
  arrange();
  const start = button(t("outputs.on"), () => turn(start, hosting.hidden ? kind.value : `${kind.value}://${host.value.trim()}`, true));
  element("program-switch").replaceChildren(field(t("outputs.program"), kind), hosting, start);
  onPart((state) => state.outputs, show);
}
