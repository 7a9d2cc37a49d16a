// The live portrait: its character, whether a face is tracked, and the age of its pictures.

import { element, say } from "./elements.js";
import { on, onPart } from "./state.js";
import { stream } from "./stream.js";
import { named, number, t } from "./text.js";

const WINDOW = 60; // pictures over which the age is measured
const ENOUGH = 2; // pictures before an age is shown

const MINUTE = 60; // status messages, one a second

const ages = []; // milliseconds, of the last pictures
const seen = []; // of the last minute: whether a face was tracked

function showPresence(presence) {
  document.body.dataset.presence = presence;
  say("presence", presence === "none" ? "–" : named("presence", presence));
}

function showStatus(status) {
  showPresence(status.presence);
  seen.push(status.presence === "tracked");
  if (seen.length > MINUTE) seen.shift();
  say("seen", t("stage.seen", { seen: seen.filter(Boolean).length, seconds: seen.length }));
  showAge();
}

function showAge() {
  const sorted = [...ages].sort((a, b) => a - b);
  say("age", sorted.length >= ENOUGH ? `${number(sorted[sorted.length >> 1])} ms` : "–");
}

/** Moves the portrait into the header when its place is scrolled away (on a phone). */
function followScrolling() {
  const look = ([entry]) => document.body.toggleAttribute("data-is-scrolled", !entry.isIntersecting);
  new IntersectionObserver(look, { rootMargin: "-80px 0px 0px 0px" }).observe(element("place"));
}

export function startStage() {
  stream(element("portrait"), {
    show: "all",
    onPicture(picture) {
      ages.push(Date.now() - picture.capturedMs); // browser and server share this machine's wall clock
      if (ages.length > WINDOW) ages.shift();
      if (ages.length === ENOUGH) showAge(); // later with each status
    },
    onConnection: () => (ages.length = 0),
  });
  on("status", showStatus);
  on("connection", ({ isConnected }) => !isConnected && showPresence("none"));
  onPart((state) => state.character, (name) => {
    say("character", name);
    document.title = `${name} · Omote`;
  });
  onPart((state) => state.source.name, (name) => say("origin", t("stage.driven_by", { name })));
  followScrolling();
}
