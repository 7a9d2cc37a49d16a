// The library: profiles of shows, and recorded takes.

import { addressOf, post, remove, upload } from "./api.js";
import { confirmed } from "./confirm.js";
import { button, clock, element, field, make } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { onPart } from "./state.js";

const ask = (path, body, key = "library") => attempt(() => post(`/api/${path}`, body), key);
const filePath = (name) => `/api/profiles/${encodeURIComponent(name)}/file`;

async function useProfile(name) {
  if (await ask("profiles/use", { name })) notice(`The profile ${name} holds now.`, { key: "profile", kind: "news" });
}

async function removeProfile(name) {
  if (await confirmed(`Delete the profile ${name}?`, "What is set now stays as it is.", "Delete")) {
    await ask("profiles/remove", { name });
  }
}

function profileRow(name) {
  return make(
    "li",
    { class: "entry" },
    make("strong", { text: name }),
    button("Use", () => useProfile(name), { "aria-label": `Use ${name}` }),
    button("Overwrite", () => ask("profiles/save", { name }), { "aria-label": `Overwrite ${name}` }),
    make("a", { href: addressOf(filePath(name)), download: `${name}.json`, text: "Export", "aria-label": `Export ${name}` }),
    button("×", () => removeProfile(name), { class: "close", "aria-label": `Delete the profile ${name}` }),
  );
}

function profileForm() {
  const name = make("input", { type: "text", required: true, maxlength: 40, autocomplete: "off", placeholder: "Friday show" });
  const file = make("input", { type: "file", accept: ".json", "aria-label": "Import a profile", hidden: true });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (chosen) await attempt(() => upload(filePath(chosen.name.replace(/\.json$/i, "")), {}, chosen), "library");
    file.value = "";
  });
  const save = make("button", { type: "submit", text: "Save what is set now" });
  const form = make("form", { class: "row" }, field("New profile", name), save, button("Import", () => file.click()), file);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await ask("profiles/save", { name: name.value.trim() })) name.value = "";
  });
  return form;
}

function trimForm(take) {
  const seconds = (value, label) =>
    make("input", { type: "number", min: 0, step: "any", required: true, value, "aria-label": `${label} in seconds` });
  const [start, end] = [seconds(0, "Start"), seconds(take.seconds, "End")];
  const to = make("input", { type: "text", required: true, maxlength: 100, value: `${take.name} part` });
  const form = make(
    "form",
    { class: "row trim", hidden: true },
    field("Start, s", start),
    field("End, s", end),
    field("New take", to),
    make("button", { type: "submit", text: "Trim" }),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const part = { name: take.name, start: Number(start.value), end: Number(end.value), to: to.value.trim() };
    if (await ask("takes/trim", part)) notice(`${part.to} is a take of its own.`, { kind: "news" });
  });
  return form;
}

async function removeTake(name) {
  if (await confirmed(`Delete the take ${name}?`, "Its files are deleted from this machine.", "Delete")) {
    await ask("takes/remove", { name });
  }
}

function takeRow(take) {
  const trim = trimForm(take);
  const size = `${clock(take.seconds)} · ${take.megabytes.toFixed(1)} MB`;
  return make(
    "li",
    { class: "entry" },
    make("strong", { text: take.name }),
    make("span", { class: "quiet", text: size }),
    button("Play", () => ask("takes/play", { name: take.name }, "source"), { "aria-label": `Play ${take.name}` }),
    button("Trim", () => (trim.hidden = !trim.hidden), { "aria-label": `Trim ${take.name}` }),
    button("Render", () => ask("takes/render", { name: take.name }), { "aria-label": `Render ${take.name}` }),
    button("×", () => removeTake(take.name), { class: "close", "aria-label": `Delete the take ${take.name}` }),
    trim,
  );
}

const STATES = { waiting: "waits", running: "is being rendered", done: "is rendered", failed: "is not rendered", cancelled: "is being cancelled" };

function renderingRow(job) {
  const isOver = job.state === "done" || job.state === "failed";
  const label = isOver ? "Dismiss" : "Cancel";
  return make(
    "div",
    { class: `job ${job.state}` },
    make("i", { class: "spinner", "aria-hidden": "true" }),
    make("strong", { text: job.name }),
    make("span", { class: "quiet what", text: STATES[job.state] }),
    button(label, () => attempt(() => remove(`/api/renderings/${job.number}`), "library"), { "aria-label": `${label} ${job.name}` }),
    job.message ? make("p", { text: job.message }) : null,
  );
}

export function startLibrary() {
  element("profile-form").replaceChildren(profileForm());
  onPart((state) => state.profiles, (names) => {
    element("profiles").replaceChildren(...names.map(profileRow));
    if (!names.length) element("profiles").append(make("li", { class: "hint", text: "No profiles yet." }));
  });
  onPart((state) => state.takes, (takes) => {
    element("takes").replaceChildren(...takes.map(takeRow));
    if (!takes.length) element("takes").append(make("li", { class: "hint", text: "No takes yet: Record makes one." }));
  });
  onPart((state) => state.renderings, (jobs) => element("renderings").replaceChildren(...jobs.map(renderingRow)));
}
