// The dialog that sets a source up: a camera with its format, a phone with the address to type into it, or a file.

import { addressOf } from "./address.js";
import { get, post, upload } from "./api.js";
import { button, choice, element, field, make, say } from "./elements.js";
import { attempt } from "./notices.js";
import { current } from "./state.js";
import { t } from "./text.js";

const VIEWS = [["camera", t("setup.camera")], ["phone", t("setup.phone")], ["file", t("setup.file")]];
const SIZES = ["640x480", "1280x720", "1920x1080"];
const RATES = ["24", "30", "60"];
// What to do in each app. Those that only answer when they are asked need the phone's address.
const APPS = {
  livelink: ["Live Link Face", t("setup.livelink"), 11111, false],
  ifacialmocap: ["iFacialMocap", t("setup.ifacialmocap"), 49983, true],
  facemotion3d: ["Facemotion3d", t("setup.facemotion3d"), 49983, true],
  vtubestudio: ["VTube Studio", t("setup.vtubestudio"), 11125, true],
  vmc: ["VMC", t("setup.vmc"), 39539, false],
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
  const picture = make("img", { class: "still", alt: t("setup.sees", { name: camera.name }), hidden: true });
  const look = button(t("setup.preview"), () => {
    look.disabled = true;
    say("source-problem", "");
    picture.src = addressOf(`/api/cameras/${camera.index}/picture`, { at: Date.now() }); // a new picture each time
  });
  const done = (isThere) => {
    look.disabled = false;
    picture.hidden = !isThere;
    if (!isThere) say("source-problem", t("setup.no_picture", { name: camera.name }));
  };
  picture.addEventListener("load", () => done(true));
  picture.addEventListener("error", () => done(false));
  const name = make("label", { class: "tick" }, input, make("span", { text: camera.name }));
  return make("li", { class: "camera-choice" }, name, look, picture);
}

async function cameraView(box) {
  box.replaceChildren(make("p", { class: "hint", text: t("setup.looking") }));
  let cameras = [];
  try {
    ({ cameras } = await get("/api/cameras"));
  } catch (error) {
    if (box.isConnected) say("source-problem", error.message);
  }
  if (!cameras.length) {
    const again = button(t("setup.look_again"), () => cameraView(box));
    box.replaceChildren(make("p", { text: t("setup.no_camera") }), again);
    return;
  }
  const kept = current()?.source.camera;
  const chosen = cameras.find((one) => one.name === kept?.name)?.index ?? cameras[0].index;
  const sizes = [...new Set([...SIZES, ...(kept ? [`${kept.width}x${kept.height}`] : [])])];
  const rates = [...new Set([...RATES, ...(kept ? [String(kept.fps)] : [])])];
  const size = choice(sizes.map((one) => [one, one.replace("x", " × ")]), kept ? `${kept.width}x${kept.height}` : "640x480");
  const rate = choice(rates.map((one) => [one, t("setup.per_second", { count: Number(one) })]), String(kept?.fps ?? 30));
  const mouth = make("input", { type: "checkbox", role: "switch" });
  mouth.checked = kept?.reads_mouth ?? false;
  const list = make("ul", { class: "camera-choices", role: "radiogroup", "aria-label": t("setup.cameras") }, ...cameras.map((one) => cameraRow(one, chosen)));
  const start = button(t("setup.use"), () => use(start, () => {
    const camera = Number(list.querySelector("input:checked").value);
    const [width, height] = size.value.split("x").map(Number);
    return post("/api/source/camera", { camera, width, height, fps: Number(rate.value), reads_mouth: mouth.checked });
  }), { class: "accent" });
  box.replaceChildren(
    list,
    make("div", { class: "row" }, field(t("setup.size"), size), field(t("setup.pictures"), rate)),
    make("p", { class: "hint", text: t("setup.camera_hint") }),
    make("label", { class: "switch" }, mouth, make("span", { text: t("setup.mouth") })),
    make("p", { class: "hint", text: t("setup.mouth_hint") }),
    make("div", { class: "row end" }, start),
  );
}

async function phoneView(box) {
  const now = current()?.source.kind;
  const app = choice(Object.entries(APPS).map(([kind, [title]]) => [kind, title]), APPS[now] ? now : "livelink");
  const phone = make("input", { type: "text", maxlength: 128, placeholder: "192.168.1.7", autocomplete: "off" });
  const asking = field(t("setup.phone_address"), phone);
  const advice = make("p", {});
  const port = make("b", {});
  const address = make("b", { id: "own-address", text: "…" });
  const code = make("img", { class: "qr", alt: t("setup.qr"), hidden: true });
  const start = button(t("setup.listen"), () => use(start, () => {
    if (app.value === "vtubestudio" && !phone.value.trim()) throw new Error(t("setup.type_address"));
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
  const facts = make("dl", { class: "own" }, make("div", {}, make("dt", { text: t("setup.own_address") }), make("dd", {}, address)), make("div", {}, make("dt", { text: t("setup.port") }), make("dd", {}, port)));
  box.replaceChildren(field(t("setup.app"), app), make("div", { class: "own-row" }, facts, code), advice, asking, make("div", { class: "row end" }, start));
  await attempt(async () => {
    const { addresses } = await get("/api/phones/addresses");
    address.textContent = addresses[0] ?? t("setup.no_network");
    if (addresses.length > 1) facts.append(make("div", {}, make("dt", { text: t("setup.other_addresses") }), make("dd", { text: addresses.slice(1).join(", ") })));
    code.hidden = !addresses.length;
    if (addresses.length) code.src = addressOf(`/api/phones/addresses/${addresses[0]}/qr`);
  }, "addresses");
}

function fileView(box) {
  const file = make("input", { type: "file", accept: FILES, "aria-label": t("setup.video_or_take") });
  const start = button(t("setup.play"), () => use(start, () => {
    const [chosen] = file.files;
    if (!chosen) throw new Error(t("file.choose"));
    return upload("/api/source/file", { name: chosen.name }, chosen);
  }), { class: "accent" });
  box.replaceChildren(
    file,
    make("p", { class: "hint", text: t("setup.file_hint") }),
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
    make("div", { class: "bar" }, make("h2", { id: "source-title", text: t("setup.title") }), button("×", () => dialog().close(), { class: "close", "aria-label": t("button.close") })),
    make("div", { class: "segments", role: "radiogroup", "aria-label": t("setup.kinds") }, ...views),
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
