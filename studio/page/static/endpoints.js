// The ZeroMQ endpoints: their addresses, and whether and at which port each is open.

import { post } from "./api.js";
import { button, element, make } from "./elements.js";
import { output } from "./outputs.js";
import { onPart } from "./state.js";
import { t } from "./text.js";

const problems = {}; // by the endpoint's name, of the last change
let shown = [];

async function use(name, isOn, port) {
  try {
    await post("/api/endpoint", { name, on: isOn, port });
    problems[name] = "";
  } catch (error) {
    problems[name] = error.message;
  }
  show(shown);
}

function row({ name, address, port, is_on: isOn }) {
  const where = make("input", {
    type: "number",
    min: 1,
    max: 65535,
    value: port,
    "aria-label": t("endpoints.port_of", { name }),
  });
  where.addEventListener("change", () => use(name, isOn, Number(where.value)));
  const turn = button(isOn ? t("outputs.off") : t("outputs.on"), () => use(name, !isOn, Number(where.value)), {
    "aria-label": isOn ? t("outputs.off_name", { name }) : t("endpoints.on_name", { name }),
  });
  const box = output(name, isOn ? address : t("endpoints.is_off"));
  box.dataset.endpoint = name;
  box.append(make("div", { class: "row" }, make("span", { class: "label", text: t("guests.port") }), where, turn));
  if (problems[name]) box.append(make("small", { class: "problem", role: "alert", text: problems[name] }));
  return box;
}

function show(endpoints) {
  const focused = document.activeElement?.closest("#endpoints") ? document.activeElement.getAttribute("aria-label") : null;
  shown = endpoints;
  element("endpoints").replaceChildren(...endpoints.map(row));
  if (focused) element("endpoints").querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

export function startEndpoints() {
  onPart((state) => state.endpoints, show);
}
