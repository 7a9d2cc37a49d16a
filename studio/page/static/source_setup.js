// The dialog that sets a source up: a camera with its format, a phone with the address to type into it, or a file.

import { addressOf, get, post, upload } from "./api.js";
import { button, choice, element, field, make, say } from "./elements.js";
import { attempt } from "./notices.js";
import { current } from "./state.js";

const VIEWS = [["camera", "Camera"], ["phone", "Phone"], ["file", "File"]];
const SIZES = ["640x480", "1280x720", "1920x1080"];
const RATES = ["24", "30", "60"];
// What to do in each app. Those that only answer when they are asked need the phone's address.
const APPS = {
  livelink: ["Live Link Face", "In the app: mode Live Link (ARKit), and this address and port as a target.", 11111, false],
  ifacialmocap: ["iFacialMocap", "In the app: this address as the destination. Or type the address that the app shows.", 49983, true],
  facemotion3d: ["Facemotion3d", "Type the address that the app shows; Omote asks it for the face.", 49983, true],
  vtubestudio: ["VTube Studio", "In the app: 3rd Party PC Clients on. Type the phone's address; Omote asks it for the face.", 11125, true],
  vmc: ["VMC", "In the sending program: this address and port, with blend shapes.", 39539, false],
};
const FILES = ".mp4,.mov,.m4v,.mkv,.webm,.avi,.csv";

const dialog = () => element("source-setup");

/** Runs a request while the button is disabled, and closes the dialog if it succeeds. */
async function use(clicked, doing) {
  clicked.disabled = true;
  clicked.setAttribute("aria-busy", "true");
  say("source-problem", "");
  try {
    await doing();
    dialog().close();
  } catch (error) {
    say("source-problem", error.message);
  }
  clicked.disabled = false;
  clicked.removeAttribute("aria-busy");
}

function cameraRow(camera, chosen) {
  const input = make("input", { type: "radio", name: "camera", value: camera.index, checked: camera.index === chosen });
  const picture = make("img", { class: "still", alt: `What ${camera.name} sees`, hidden: true });
  const look = button("Preview", () => {
    look.disabled = true;
    say("source-problem", "");
    picture.src = addressOf(`/api/cameras/${camera.index}/picture`, { at: Date.now() }); // a new picture each time
  });
  const done = (isThere) => {
    look.disabled = false;
    picture.hidden = !isThere;
    if (!isThere) say("source-problem", `${camera.name} gives no picture. Is another program using it?`);
  };
  picture.addEventListener("load", () => done(true));
  picture.addEventListener("error", () => done(false));
  const name = make("label", { class: "tick" }, input, make("span", { text: camera.name }));
  return make("li", { class: "camera-choice" }, name, look, picture);
}

async function cameraView(box) {
  box.replaceChildren(make("p", { class: "hint", text: "Looking for cameras…" }));
  let cameras = [];
  try {
    ({ cameras } = await get("/api/cameras"));
  } catch (error) {
    if (box.isConnected) say("source-problem", error.message);
  }
  if (!cameras.length) {
    const again = button("Look again", () => cameraView(box));
    box.replaceChildren(make("p", { text: "No camera is plugged in, or Omote may not see it." }), again);
    return;
  }
  const kept = current()?.source.camera;
  const chosen = cameras.find((one) => one.name === kept?.name)?.index ?? cameras[0].index;
  const sizes = [...new Set([...SIZES, ...(kept ? [`${kept.width}x${kept.height}`] : [])])];
  const rates = [...new Set([...RATES, ...(kept ? [String(kept.fps)] : [])])];
  const size = choice(sizes.map((one) => [one, one.replace("x", " × ")]), kept ? `${kept.width}x${kept.height}` : "640x480");
  const rate = choice(rates.map((one) => [one, `${one} a second`]), String(kept?.fps ?? 30));
  const list = make("ul", { class: "camera-choices", role: "radiogroup", "aria-label": "Cameras" }, ...cameras.map((one) => cameraRow(one, chosen)));
  const start = button("Use this camera", () => use(start, () => {
    const camera = Number(list.querySelector("input:checked").value);
    const [width, height] = size.value.split("x").map(Number);
    return post("/api/source/camera", { camera, width, height, fps: Number(rate.value) });
  }), { class: "accent" });
  box.replaceChildren(
    list,
    make("div", { class: "row" }, field("Size", size), field("Pictures", rate)),
    make("p", { class: "hint", text: "A camera that lacks this size or rate gives the nearest that it has. More pixels cost time and help only far from the camera." }),
    make("div", { class: "row end" }, start),
  );
}

async function phoneView(box) {
  const now = current()?.source.kind;
  const app = choice(Object.entries(APPS).map(([kind, [title]]) => [kind, title]), APPS[now] ? now : "livelink");
  const phone = make("input", { type: "text", maxlength: 128, placeholder: "192.168.1.7", autocomplete: "off" });
  const asking = field("Address of the phone", phone);
  const advice = make("p", {});
  const port = make("b", {});
  const address = make("b", { id: "own-address", text: "…" });
  const code = make("img", { class: "qr", alt: "This machine's address as a QR code", hidden: true });
  const start = button("Listen", () => use(start, () => {
    if (app.value === "vtubestudio" && !phone.value.trim()) throw new Error("VTube Studio sends only when it is asked: type the phone's address.");
    return post("/api/source/phone", { source: app.value, phone: asking.hidden ? "" : phone.value.trim() });
  }), { class: "accent" });
  const arrange = () => {
    const [, text, number, asks] = APPS[app.value];
    advice.textContent = text;
    port.textContent = number;
    asking.hidden = !asks;
  };
  app.addEventListener("change", arrange);
  arrange();
  const facts = make("dl", { class: "own" }, make("div", {}, make("dt", { text: "This machine's address" }), make("dd", {}, address)), make("div", {}, make("dt", { text: "UDP port" }), make("dd", {}, port)));
  box.replaceChildren(field("App", app), make("div", { class: "own-row" }, facts, code), advice, asking, make("div", { class: "row end" }, start));
  await attempt(async () => {
    const { addresses } = await get("/api/phones/addresses");
    address.textContent = addresses[0] ?? "in no network";
    if (addresses.length > 1) facts.append(make("div", {}, make("dt", { text: "If that one does not work" }), make("dd", { text: addresses.slice(1).join(", ") })));
    code.hidden = !addresses.length;
    if (addresses.length) code.src = addressOf(`/api/phones/addresses/${addresses[0]}/qr`);
  }, "addresses");
}

function fileView(box) {
  const file = make("input", { type: "file", accept: FILES, "aria-label": "Video or take" });
  const start = button("Play", () => use(start, () => {
    const [chosen] = file.files;
    if (!chosen) throw new Error("Choose a file first.");
    return upload("/api/source/file", { name: chosen.name }, chosen);
  }), { class: "accent" });
  box.replaceChildren(
    file,
    make("p", { class: "hint", text: "A video (MP4, MOV, MKV, WebM, AVI) or a take (CSV). It is copied into Omote's folder on this machine, and plays again from its start when it ends." }),
    make("div", { class: "row end" }, start),
  );
}

function showView(view) {
  say("source-problem", "");
  for (const input of dialog().querySelectorAll("[name=source-view]")) input.checked = input.value === view;
  // A box of its own: what an earlier view still waits for must not replace this one.
  const box = make("div", { id: "source-view", class: "source-view" });
  element("source-view").replaceWith(box);
  ({ camera: cameraView, phone: phoneView, file: fileView })[view](box);
}

/** Opens the dialog at one of its views. */
export function setUpSource(view) {
  const views = VIEWS.map(([name, label]) => {
    const input = make("input", { type: "radio", name: "source-view", value: name, on: { change: () => showView(name) } });
    return make("label", {}, input, make("span", { text: label }));
  });
  dialog().replaceChildren(
    make("div", { class: "bar" }, make("h2", { id: "source-title", text: "Set up a source" }), button("×", () => dialog().close(), { class: "close", "aria-label": "Close" })),
    make("div", { class: "segments", role: "radiogroup", "aria-label": "Kind of source" }, ...views),
    make("div", { id: "source-view", class: "source-view" }),
    make("p", { id: "source-problem", class: "problem", role: "alert" }),
  );
  dialog().showModal();
  showView(view);
}

export function startSourceSetup() {
  element("set-up-source").addEventListener("click", () => {
    const kind = current()?.source.kind;
    setUpSource(kind in APPS ? "phone" : kind === "file" ? "file" : "camera");
  });
}
