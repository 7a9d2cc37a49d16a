// The characters that are being made: their place in the queue, their time so far, and how they ended.

import { remove } from "./api.js";
import { showCharacter } from "./characters.js";
import { button, clock, element, make, words } from "./elements.js";
import { attempt, notice } from "./notices.js";
import { onPart } from "./state.js";

let known = null; // number -> state when the page last looked; null before the first look

const drop = (job) => attempt(() => remove(`/api/jobs/${job.number}`), "job");

function doing(job) {
  if (job.state === "waiting") return job.place === 1 ? "next in the queue" : `number ${job.place} in the queue`;
  return { cancelled: "is being cancelled", failed: "not made" }[job.state] ?? "being made";
}

function row(job) {
  const isOver = job.state === "failed";
  const ending = isOver
    ? button("×", () => drop(job), { class: "close", "aria-label": `Dismiss ${job.name}` })
    : button("Cancel", () => drop(job), { "aria-label": `Cancel ${job.name}`, disabled: job.state === "cancelled" });
  return make(
    "div",
    { class: `job ${job.state}` },
    make("i", { class: "spinner", "aria-hidden": "true" }),
    make("strong", { text: job.name }),
    make("span", { class: "quiet what", text: `${words(job.what)}, ${doing(job)}` }),
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
  const text = [`${job.name} is ready.`, job.message].filter(Boolean).join(" ");
  const kind = job.message ? "warning" : "news";
  notice(text, { key: `job ${job.number}`, kind, offer: ["Show", () => showCharacter(job.name)] });
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
