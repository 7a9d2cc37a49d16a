// The outputs: the addresses for OBS, and the connected receivers.

import { button, element, make } from "./elements.js";
import { notice } from "./notices.js";
import { on, onPart } from "./state.js";
import { t } from "./text.js";

const COPIED_MS = 1500;

async function copy(address, clicked) {
  try {
    await navigator.clipboard.writeText(address);
    clicked.textContent = t("outputs.copied");
    setTimeout(() => (clicked.textContent = t("outputs.copy")), COPIED_MS);
  } catch {
    notice(t("outputs.no_copying"), { key: "copy" });
  }
}

/** A row with an address to copy. */
export function output(name, address, note = "") {
  const shown = make("input", { type: "text", readonly: true, value: address, "aria-label": t("outputs.address_of", { name }) });
  shown.addEventListener("focus", () => shown.select());
  const copying = button(t("outputs.copy"), () => copy(address, copying), { "aria-label": t("outputs.copy_name", { name }) });
  return make(
    "div",
    { class: "output" },
    make("span", { class: "label", text: name }),
    make("div", { class: "row" }, shown, copying),
    note ? make("small", { text: note }) : null,
  );
}

const parts = { clean: "", hasGuests: false, obsPage: "", receivers: [] };
let before = "";

/** A receiver in words: "page: 2", or "Virtual camera". */
const receiver = ({ name, what }) => [name, what].filter(Boolean).join(": ");

function show(change) {
  Object.assign(parts, change);
  const now = JSON.stringify(parts);
  if (now === before) return; // keep an address that is being selected
  before = now;
  const receivers = parts.receivers.map((one) => make("li", { text: receiver(one) }));
  element("outputs").replaceChildren(
    ...(parts.clean ? [output(t("outputs.obs"), parts.clean, t("outputs.obs_note"))] : []),
    ...(parts.hasGuests ? [output(t("outputs.obs_all"), `${parts.clean}&show=all`, t("outputs.obs_all_note"))] : []),
    ...(parts.obsPage ? [output(t("outputs.obs_file"), parts.obsPage, t("outputs.obs_file_note"))] : []),
    make("h3", { text: t("outputs.connected") }),
    receivers.length ? make("ul", { class: "receivers" }, ...receivers) : make("p", { class: "hint", text: t("outputs.none") }),
  );
}

export function startOutputs() {
  onPart((state) => state.clean_url, (clean) => {
    show({ clean });
    element("obs").replaceChildren(...(clean ? [output(t("outputs.obs"), clean)] : []));
  });
  onPart((state) => state.guests.length > 0, (hasGuests) => show({ hasGuests }));
  onPart((state) => state.obs_page, (obsPage) => show({ obsPage }));
  on("status", (status) => show({ receivers: status.receivers ?? [] }));
}
