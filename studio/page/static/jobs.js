// The characters that are being made: their place in the queue, their time so far, and how they ended.

import { remove } from "./api.js";
import { showCharacter } from "./characters.js";
import { button, clock, element, make } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { onPart } from "./state.js";
import { named, t } from "./text.js";

let known = null; // number -> state when the page last looked; null before the first look

const drop = (job) => attempt(() => remove(`/api/jobs/${job.number}`), "job");

function doing(job) {
  if (job.state === "waiting") return job.place === 1 ? t("jobs.next") : t("jobs.place", { place: job.place });
  return { cancelled: t("jobs.cancelled"), failed: t("jobs.failed") }[job.state] ?? t("jobs.running");
}

function row(job) {
  const isOver = job.state === "failed";
  const ending = isOver
    ? button("×", () => drop(job), { class: "close", "aria-label": t("button.dismiss_name", { name: job.name }) })
    : button(t("button.cancel"), () => drop(job), { "aria-label": t("button.cancel_name", { name: job.name }), disabled: job.state === "cancelled" });
  return make(
    "div",
    { class: `job ${job.state}` },
    make("i", { class: "spinner", "aria-hidden": "true" }),
    make("strong", { text: job.name }),
    make("span", { class: "quiet what", text: t("jobs.what", { what: named("job", job.what), doing: doing(job) }) }),
    make("span", { class: "quiet time", "data-began": job.state === "running" ? job.began_s : null }),
    ending,
    job.message ? make("p", { text: job.message }) : null,
  );
}

/** Shows the time so far, which the server does not send each second. */
function tick() {
  for (const time of document.querySelectorAll("[data-began]")) {
    time.textContent = clock(Math.max(Date.now() / 1000 - Number(time.dataset.began), 0));
  }
}

/** A character that became ready since the last look is announced once, and takes no room above the cards. */
function announce(job) {
  const text = [t("jobs.ready", { name: job.name }), job.message].filter(Boolean).join(" ");
  const kind = job.message ? "warning" : "news";
  notice(text, { key: `job ${job.number}`, kind, offer: [t("jobs.show"), () => showCharacter(job.name)] });
}

function show(jobs) {
  if (known) jobs.filter((one) => one.state === "done" && known.get(one.number) !== "done").forEach(announce);
  known = new Map(jobs.map((one) => [one.number, one.state]));
  element("jobs").replaceChildren(...jobs.filter((one) => one.state !== "done").map(row));
  tick();
}

export function startJobs() {
  onPart((state) => state.jobs, show);
  setInterval(tick, 1000);
}
