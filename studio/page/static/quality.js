// How the portrait is drawn: size, steps, runtime and latency budget.

import { post } from "./api.js";
import { choice, element, field, make, say } from "./elements.js";
import { onPart } from "./state.js";
import { t } from "./text.js";

let controls = {};

/** Posts one change while all controls are disabled; an error stands below them, and the controls go back. */
async function change(name, value) {
  const box = element("quality");
  box.disabled = true;
  say("quality-note", ["runtime", "budget_ms"].includes(name) && value !== null ? t("quality.wait") : "");
  try {
    await post("/api/quality", { [name]: value });
    say("quality-note", "");
  } catch (error) {
    say("quality-note", error.message);
    put(controls.state);
  }
  box.disabled = !controls.state.is_adjustable;
}

function put(quality) {
  controls.state = quality;
  controls.size.value = quality.size;
  controls.steps.value = quality.steps;
  controls.runtime.value = quality.runtime;
  controls.budget.value = quality.budget_ms ?? "";
  element("quality").disabled = !quality.is_adjustable;
}

function build(quality) {
  const select = (name, values, text) => {
    const made = choice(values.map((one) => [String(one), text(one)]), String(quality[name]));
    made.addEventListener("change", () => change(name, name === "runtime" ? made.value : Number(made.value)));
    return made;
  };
  const budget = make("input", { type: "number", min: 5, max: 1000, step: "any", placeholder: t("quality.no_limit") });
  budget.addEventListener("change", () => budget.reportValidity() && change("budget_ms", budget.value === "" ? null : Number(budget.value)));
  controls = {
    size: select("size", quality.sizes, (one) => `${one} × ${one}`),
    steps: select("steps", quality.step_counts, String),
    runtime: select("runtime", quality.runtimes, (one) => (one === "auto" ? t("quality.automatic") : one)),
    budget,
    state: quality,
  };
  element("quality").replaceChildren(field(t("quality.size"), controls.size), field(t("quality.steps"), controls.steps), field(t("quality.runtime"), controls.runtime), field(t("quality.limit"), budget));
}

export function startQuality() {
  onPart((state) => state.quality, (quality) => {
    if (!controls.size) build(quality);
    put(quality);
  });
}
