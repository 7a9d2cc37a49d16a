// The outputs: the address for OBS, the endpoints, and the connected receivers.

import { button, element, make } from "./elements.js";
import { notice } from "./notices.js";
import { on, onPart } from "./state.js";

const COPIED_MS = 1500;

async function copy(address, clicked) {
  try {
    await navigator.clipboard.writeText(address);
    clicked.textContent = "Copied";
    setTimeout(() => (clicked.textContent = "Copy"), COPIED_MS);
  } catch {
    notice("This browser does not allow copying: select the address and copy it yourself.", { key: "copy" });
  }
}

function output(name, address, note = "") {
  const shown = make("input", { type: "text", readonly: true, value: address, "aria-label": `${name}: address` });
  shown.addEventListener("focus", () => shown.select());
  const copying = button("Copy", () => copy(address, copying), { "aria-label": `Copy the address of ${name}` });
  return make(
    "div",
    { class: "output" },
    make("span", { class: "label", text: name }),
    make("div", { class: "row" }, shown, copying),
    note ? make("small", { text: note }) : null,
  );
}

const parts = { clean: "", hasGuests: false, obsPage: "", endpoints: [], receivers: [] };
let before = "";

function receiver(one) {
  return typeof one === "string" ? one : [one.name, one.what ?? one.address].filter(Boolean).join(": ");
}

function show(change) {
  Object.assign(parts, change);
  const now = JSON.stringify(parts);
  if (now === before) return; // keep an address that is being selected
  before = now;
  const receivers = parts.receivers.map((one) => make("li", { text: receiver(one) }));
  element("outputs").replaceChildren(
    ...(parts.clean ? [output("OBS browser source", parts.clean, "Only the portrait, with real transparency.")] : []),
    ...(parts.hasGuests
      ? [output("OBS browser source of all", `${parts.clean}&show=all`, "All characters, in their places and order. A list of names shows only these: show=hana,noah.")]
      : []),
    ...(parts.obsPage ? [output("OBS local file", parts.obsPage, "The same, and it waits until Omote runs: OBS may be started first.")] : []),
    ...parts.endpoints.map((one) => output(one.name, one.address)),
    make("h3", { text: "Connected" }),
    receivers.length ? make("ul", { class: "receivers" }, ...receivers) : make("p", { class: "hint", text: "No receiver is connected." }),
  );
}

export function startOutputs() {
  onPart((state) => state.clean_url, (clean) => {
    show({ clean });
    element("obs").replaceChildren(...(clean ? [output("OBS browser source", clean)] : []));
  });
  onPart((state) => state.guests.length > 0, (hasGuests) => show({ hasGuests }));
  onPart((state) => state.obs_page, (obsPage) => show({ obsPage }));
  on("status", (status) => show({ endpoints: status.endpoints, receivers: status.receivers ?? [] }));
}
