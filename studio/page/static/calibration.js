// Calibration: the performer, the guided session, and its result.

import { addressOf } from "./address.js";
import { post } from "./api.js";
import { button, element, field, make } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { on, onPart } from "./state.js";
import { renew } from "./source.js";
import { language, named, number, t } from "./text.js";

const act = (what, step = "") => attempt(() => post("/api/calibration", { do: what, step }), "calibration");
const live = {}; // elements that change during a step, so that buttons are not replaced while they are pressed

function actorForm(actor, actors) {
  const name = make("input", { type: "text", value: actor.name, maxlength: 60, list: "actors", autocomplete: "off", "aria-label": t("calibration.performer") });
  const known = make("datalist", { id: "actors" }, ...actors.map((one) => make("option", { value: one })));
  const form = make("form", { class: "row" }, field(t("calibration.performer"), name), known, make("button", { type: "submit", text: t("calibration.use") }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    use(name.value.trim());
  });
  return form;
}

async function use(name) {
  const isDone = await attempt(() => post("/api/actor", { name }), "actor");
  if (isDone) notice(t("calibration.performs", { name }), { key: "actor", kind: "news" });
  return isDone;
}

/** Starts for the name in the field, even if "Use" was not pressed. */
async function start(actor) {
  const name = element("calibration").querySelector("input")?.value.trim() ?? actor.name;
  if (name === actor.name || (await use(name))) await act("start");
}

const made = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toLocaleDateString(language, { day: "numeric", month: "long", year: "numeric" });
};

function facts(actor, hasReport) {
  const row = (name, text) => make("div", {}, make("dt", { text: name }), make("dd", { text }));
  const rows = [row(t("calibration.calibrated"), actor.is_calibrated ? made(actor.made) : t("calibration.not_yet"))];
  if (actor.is_calibrated && actor.camera_deg) {
    const [pitch, yaw] = actor.camera_deg;
    const angles = { pitch: number(Math.abs(pitch)), yaw: number(Math.abs(yaw)) };
    rows.push(row(t("calibration.camera"), pitch < 0 ? t("calibration.below", angles) : t("calibration.above", angles)));
  }
  const list = make("dl", { class: "facts" }, ...rows);
  const report = make("a", { href: addressOf("/api/calibration/report"), target: "_blank", rel: "noopener", text: t("calibration.report") });
  return make("div", {}, list, hasReport ? report : null);
}

const forgetRest = () => attempt(() => post("/api/recalibrate", { do: "forget" }), "neutral");

function rest({ actor, actors }) {
  const parts = [
    make("div", { class: "bar" }, make("h2", { text: t("tab.calibration") })),
    make("p", { text: t("calibration.about") }),
    actorForm(actor, actors),
    facts(actor, actor.is_calibrated),
    make("div", { class: "row" }, button(t("calibration.start"), () => start(actor), { class: "accent" }), button(t("calibration.only_rest"), renew)),
    actor.has_own_rest
      ? make(
          "div",
          { class: "row" },
          make("p", { class: "hint", text: t("calibration.own_rest") }),
          button(t("calibration.forget_rest"), forgetRest),
        )
      : null,
  ];
  return parts.filter((one) => one !== null);
}

const titleOf = (step) => named("pose", step.name);

const SIGN = { done: "✓", skipped: "–", now: "", todo: "" };

function stepsOf(view) {
  const items = view.steps.map((step, index) => {
    const attributes = { class: `step ${step.state}`, "aria-current": step.state === "now" ? "step" : false, title: step.remark };
    const number = make("span", { class: "number", text: SIGN[step.state] || String(index + 1) });
    const isOver = step.state === "done" || step.state === "skipped";
    const title = isOver
      ? button(titleOf(step), () => act("redo", step.name), { class: "plain", title: `${step.remark} ${t("calibration.repeat")}`.trim() })
      : make("span", { text: titleOf(step) });
    return make("li", attributes, number, title);
  });
  return make("ol", { class: "steps" }, ...items);
}

function pose(step) {
  const picture = make("img", { src: step.picture, alt: "", width: 240, height: 240 });
  picture.addEventListener("error", () => picture.remove());
  return make("div", { class: "pose" }, picture, (live.count = make("span", { class: "count", role: "timer" })));
}

function doing(view) {
  const step = view.steps[view.step];
  const meter = { role: "meter", "aria-label": t("calibration.progress"), "aria-valuemin": 0, "aria-valuemax": 100 };
  live.score = make("div", { class: "score", ...meter }, make("i"));
  live.remark = make("p", { class: "remark", role: "status" });
  const isReady = view.state === "ready";
  const moves = isReady
    ? [button(t("calibration.begin"), () => act("begin"), { class: "accent" })]
    : [button(t("calibration.again"), () => act("redo")), view.step ? button(t("calibration.skip"), () => act("skip")) : null];
  live.score.hidden = isReady;
  return [
    make("div", { class: "bar" }, make("h2", { text: t("calibration.step", { step: view.step + 1, steps: view.steps.length, title: titleOf(step) }) })),
    pose(step),
    make("p", { class: "say", text: named("pose_say", step.name) }),
    live.score,
    live.remark,
    make("div", { class: "row centre" }, ...moves, button(t("button.cancel"), () => act("cancel"), { class: "plain" })),
    stepsOf(view),
  ];
}

function finished(view) {
  const remarks = view.steps.filter((step) => step.remark);
  const list = remarks.map((step) => make("li", {}, make("strong", { text: `${titleOf(step)}: ` }), step.remark));
  return [
    make("div", { class: "bar" }, make("h2", { text: t("calibration.calibrated") })),
    make("p", { text: remarks.length ? t("calibration.done_remarks") : t("calibration.done") }),
    make("ul", { class: "remarks" }, ...list),
    stepsOf(view),
    make(
      "div",
      { class: "row" },
      button(t("calibration.save"), () => act("save"), { class: "accent" }),
      button(t("calibration.start_again"), () => act("start")),
      button(t("calibration.discard"), () => act("cancel"), { class: "plain" }),
    ),
  ];
}

const isRunning = (view) => view && ["ready", "counting", "holding"].includes(view.state);

/** Keeps the keyboard's focus on the same button, or moves it to the next action. */
function keepFocus(panel, text) {
  const buttons = [...panel.querySelectorAll("button")];
  const next = buttons.find((one) => one.textContent === text) ?? panel.querySelector("button.accent") ?? buttons[0];
  next?.focus({ preventScroll: true });
}

function build([view, , actor, actors]) {
  for (const key of Object.keys(live)) delete live[key];
  const now = isRunning(view) ? doing(view) : view?.state === "done" ? finished(view) : rest({ actor, actors });
  const panel = element("calibration");
  const left = panel.contains(document.activeElement) ? document.activeElement.textContent : null;
  panel.replaceChildren(...now);
  if (left !== null) keepFocus(panel, left);
  element("calibration").dataset.state = view?.state ?? "none";
}

function follow(view) {
  if (!isRunning(view) || !live.count) return;
  const isCounting = view.state === "counting";
  live.count.hidden = !isCounting;
  live.count.textContent = isCounting ? String(Math.max(Math.ceil(view.count_s), 1)) : "";
  const percent = Math.round(100 * Math.min(Math.max(view.score, 0), 1));
  live.score.firstChild.style.transform = `scaleX(${percent / 100})`;
  live.score.setAttribute("aria-valuenow", percent);
  live.score.classList.toggle("is-holding", view.state === "holding");
  if (live.remark.textContent !== view.remark) live.remark.textContent = view.remark;
}

/** What stays the same during a step. */
function outline(view) {
  if (!view) return null;
  const steps = view.steps.map((step) => [step.state, step.remark]);
  return [view.state === "ready", view.state === "done", isRunning(view), view.step, steps];
}

export function startCalibration() {
  onPart((state) => [outline(state.calibration), state.actor, state.actors], (_, state) => {
    build([state.calibration, null, state.actor, state.actors]);
  });
  on("state", (state) => follow(state.calibration));
}
