// Calibration: the performer, the guided session, and its result.

import { addressOf, post } from "./api.js";
import { button, element, field, make } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { on, onPart } from "./state.js";
import { renew } from "./source.js";

const act = (what, step = "") => attempt(() => post("/api/calibration", { do: what, step }), "calibration");
const live = {}; // elements that change during a step, so that buttons are not replaced while they are pressed

function actorForm(actor, actors) {
  const name = make("input", { type: "text", value: actor.name, maxlength: 60, list: "actors", autocomplete: "off", "aria-label": "Performer" });
  const known = make("datalist", { id: "actors" }, ...actors.map((one) => make("option", { value: one })));
  const form = make("form", { class: "row" }, field("Performer", name), known, make("button", { type: "submit", text: "Use" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    use(name.value.trim());
  });
  return form;
}

async function use(name) {
  const isDone = await attempt(() => post("/api/actor", { name }), "actor");
  if (isDone) notice(`${name} performs from now on.`, { key: "actor", kind: "news" });
  return isDone;
}

/** Starts for the name in the field, even if "Use" was not pressed. */
async function start(actor) {
  const name = element("calibration").querySelector("input")?.value.trim() ?? actor.name;
  if (name === actor.name || (await use(name))) await act("start");
}

const made = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
};

function facts(actor, hasReport) {
  const row = (name, text) => make("div", {}, make("dt", { text: name }), make("dd", { text }));
  const rows = [row("Calibrated", actor.is_calibrated ? made(actor.made) : "not yet: default values are used")];
  if (actor.is_calibrated && actor.camera_deg) {
    const [pitch, yaw] = actor.camera_deg;
    rows.push(row("Camera", `${Math.abs(pitch).toFixed(0)}° ${pitch < 0 ? "below" : "above"}, ${Math.abs(yaw).toFixed(0)}° aside`));
  }
  const list = make("dl", { class: "facts" }, ...rows);
  const report = make("a", { href: addressOf("/api/calibration/report"), target: "_blank", rel: "noopener", text: "Open the report" });
  return make("div", {}, list, hasReport ? report : null);
}

const forgetRest = () => attempt(() => post("/api/recalibrate", { do: "forget" }), "neutral");

function rest({ actor, actors }) {
  const about =
    "This takes a minute: a resting face, then a few extreme expressions, each with a picture of what to do. " +
    "Afterwards your full smile is a full smile, and a still face is still.";
  const parts = [
    make("div", { class: "bar" }, make("h2", { text: "Calibration" })),
    make("p", { text: about }),
    actorForm(actor, actors),
    facts(actor, actor.is_calibrated),
    make("div", { class: "row" }, button("Start calibration", () => start(actor), { class: "accent" }), button("Only the resting face (N)", renew)),
    actor.has_own_rest
      ? make(
          "div",
          { class: "row" },
          make("p", { class: "hint", text: "The resting face was set with one key." }),
          button("Forget it", forgetRest),
        )
      : null,
  ];
  return parts.filter((one) => one !== null);
}

const SIGN = { done: "✓", skipped: "–", now: "", todo: "" };

function stepsOf(view) {
  const items = view.steps.map((step, index) => {
    const attributes = { class: `step ${step.state}`, "aria-current": step.state === "now" ? "step" : false, title: step.remark };
    const number = make("span", { class: "number", text: SIGN[step.state] || String(index + 1) });
    const isOver = step.state === "done" || step.state === "skipped";
    const title = isOver
      ? button(step.title, () => act("redo", step.name), { class: "plain", title: `${step.remark} Repeat this step`.trim() })
      : make("span", { text: step.title });
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
  const meter = { role: "meter", "aria-label": "Progress of the pose", "aria-valuemin": 0, "aria-valuemax": 100 };
  live.score = make("div", { class: "score", ...meter }, make("i"));
  live.remark = make("p", { class: "remark", role: "status" });
  const isReady = view.state === "ready";
  const moves = isReady
    ? [button("Begin", () => act("begin"), { class: "accent" })]
    : [button("Again", () => act("redo")), view.step ? button("Skip", () => act("skip")) : null];
  live.score.hidden = isReady;
  return [
    make("div", { class: "bar" }, make("h2", { text: `Step ${view.step + 1} of ${view.steps.length}: ${step.title}` })),
    pose(step),
    make("p", { class: "say", text: step.say }),
    live.score,
    live.remark,
    make("div", { class: "row centre" }, ...moves, button("Cancel", () => act("cancel"), { class: "plain" })),
    stepsOf(view),
  ];
}

function finished(view) {
  const remarks = view.steps.filter((step) => step.remark);
  const list = remarks.map((step) => make("li", {}, make("strong", { text: `${step.title}: ` }), step.remark));
  return [
    make("div", { class: "bar" }, make("h2", { text: "Calibrated" })),
    make("p", { text: remarks.length ? "Done, with these remarks. Click a step below to repeat it." : "Done: every step was measured." }),
    make("ul", { class: "remarks" }, ...list),
    stepsOf(view),
    make(
      "div",
      { class: "row" },
      button("Save and use", () => act("save"), { class: "accent" }),
      button("Start again", () => act("start")),
      button("Discard", () => act("cancel"), { class: "plain" }),
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
