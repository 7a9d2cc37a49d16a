// The library: profiles of shows, and recorded takes.

import { addressOf } from "./address.js";
import { post, remove, upload } from "./api.js";
import { confirmed } from "./confirm.js";
import { button, clock, element, field, make } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { onPart } from "./state.js";
import { named, number, t } from "./text.js";

const ask = (path, body, key = "library") => attempt(() => post(`/api/${path}`, body), key);
const filePath = (name) => `/api/profiles/${encodeURIComponent(name)}/file`;

async function useProfile(name) {
  if (await ask("profiles/use", { name })) notice(t("library.profile_used", { name }), { key: "profile", kind: "news" });
}

async function removeProfile(name) {
  if (await confirmed(t("library.delete_profile", { name }), t("library.delete_profile_hint"), t("delete.delete"))) {
    await ask("profiles/remove", { name });
  }
}

function profileRow(name) {
  return make(
    "li",
    { class: "entry" },
    make("strong", { text: name }),
    make(
      "span",
      { class: "row" },
      button(t("library.use"), () => useProfile(name), { "aria-label": t("library.use_name", { name }) }),
      button(t("library.overwrite"), () => ask("profiles/save", { name }), { "aria-label": t("library.overwrite_name", { name }) }),
      make("a", { href: addressOf(filePath(name)), download: `${name}.json`, text: t("button.export"), "aria-label": t("library.export_name", { name }) }),
      button("×", () => removeProfile(name), { class: "close", "aria-label": t("library.delete_profile_name", { name }) }),
    ),
  );
}

function profileForm() {
  const name = make("input", { type: "text", required: true, maxlength: 40, autocomplete: "off", placeholder: t("library.example") });
  const file = make("input", { type: "file", accept: ".json", "aria-label": t("library.import_profile"), hidden: true });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (chosen) await attempt(() => upload(filePath(chosen.name.replace(/\.json$/i, "")), {}, chosen), "library");
    file.value = "";
  });
  const save = make("button", { type: "submit", text: t("library.save") });
  const form = make("form", { class: "row" }, field(t("library.new_profile"), name), save, button(t("button.import"), () => file.click()), file);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await ask("profiles/save", { name: name.value.trim() })) name.value = "";
  });
  return form;
}

function trimForm(take) {
  const seconds = (value, label) =>
    make("input", { type: "number", min: 0, step: "any", required: true, value, "aria-label": label });
  const [start, end] = [seconds(0, t("library.start_title")), seconds(take.seconds, t("library.end_title"))];
  const to = make("input", { type: "text", required: true, maxlength: 100, value: t("library.part", { name: take.name }) });
  const form = make(
    "form",
    { class: "row trim", hidden: true },
    field(t("library.start"), start),
    field(t("library.end"), end),
    field(t("library.new_take"), to),
    make("button", { type: "submit", text: t("library.trim") }),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const part = { name: take.name, start: Number(start.value), end: Number(end.value), to: to.value.trim() };
    if (await ask("takes/trim", part)) notice(t("library.trimmed", { name: part.to }), { kind: "news" });
  });
  return form;
}

async function removeTake(name) {
  if (await confirmed(t("library.delete_take", { name }), t("library.delete_take_hint"), t("delete.delete"))) {
    await ask("takes/remove", { name });
  }
}

function takeRow(take) {
  const trim = trimForm(take);
  const size = `${clock(take.seconds)} · ${number(take.megabytes, 1)} MB`;
  return make(
    "li",
    { class: "entry" },
    make("strong", { text: take.name }),
    make("span", { class: "quiet", text: size }),
    make(
      "span",
      { class: "row" },
      button(t("library.play"), () => ask("takes/play", { name: take.name }, "source"), { "aria-label": t("library.play_name", { name: take.name }) }),
      button(t("library.trim"), () => (trim.hidden = !trim.hidden), { "aria-label": t("library.trim_name", { name: take.name }) }),
      button(t("library.render"), () => ask("takes/render", { name: take.name }), { "aria-label": t("library.render_name", { name: take.name }) }),
      button("×", () => removeTake(take.name), { class: "close", "aria-label": t("library.delete_take_name", { name: take.name }) }),
    ),
    trim,
  );
}

function renderingRow(job) {
  const isOver = job.state === "done" || job.state === "failed";
  const label = isOver ? t("button.dismiss") : t("button.cancel");
  const title = isOver ? t("button.dismiss_name", { name: job.name }) : t("button.cancel_name", { name: job.name });
  return make(
    "div",
    { class: `job ${job.state}` },
    make("i", { class: "spinner", "aria-hidden": "true" }),
    make("strong", { text: job.name }),
    make("span", { class: "quiet what", text: named("rendering", job.state) }),
    button(label, () => attempt(() => remove(`/api/renderings/${job.number}`), "library"), { "aria-label": title }),
    job.message ? make("p", { text: job.message }) : null,
  );
}

export function startLibrary() {
  element("profile-form").replaceChildren(profileForm());
  onPart((state) => state.profiles, (names) => {
    element("profiles").replaceChildren(...names.map(profileRow));
    if (!names.length) element("profiles").append(make("li", { class: "hint", text: t("library.no_profiles") }));
  });
  onPart((state) => state.takes, (takes) => {
    element("takes").replaceChildren(...takes.map(takeRow));
    if (!takes.length) element("takes").append(make("li", { class: "hint", text: t("library.no_takes") }));
  });
  onPart((state) => state.renderings, (jobs) => element("renderings").replaceChildren(...jobs.map(renderingRow)));
}
