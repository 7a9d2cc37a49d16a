// The camera's picture with the landmarks of the tracked face; it is mirrored where the portrait is.

import { socketAddress } from "./address.js";
import { element, say } from "./elements.js";
import { percent, t } from "./text.js";

const HEADER_BYTES = 32; // as in streams.py
const MAGIC = 0x31434d4f; // "OMC1", little-endian
const RETRY_MS = 1000;
const QUIET_MS = 3000; // without a picture for so long, the page says so

let socket = null;
let isWanted = false;
let watch = 0;

/** The header's fields, the points as x, y, x, y … in the picture's pixels, and the JPEG; null if it is invalid. */
function decode(buffer) {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) return null;
  const count = view.getUint16(8, true);
  const jpegBytes = view.getUint32(16, true);
  const jpegAt = HEADER_BYTES + 8 * count;
  if (buffer.byteLength !== jpegAt + jpegBytes) return null;
  return {
    width: view.getUint16(4, true),
    height: view.getUint16(6, true),
    others: view.getUint16(10, true),
    confidence: view.getFloat32(12, true),
    points: new Float32Array(buffer.slice(HEADER_BYTES, jpegAt)),
    jpeg: new Blob([new Uint8Array(buffer, jpegAt)], { type: "image/jpeg" }),
  };
}

function draw(sight, picture) {
  const canvas = element("camera");
  if (canvas.width !== sight.width || canvas.height !== sight.height) {
    canvas.width = sight.width;
    canvas.height = sight.height;
  }
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const dot = canvas.width / 260;
  context.fillStyle = "#fff";
  for (let at = 0; at < sight.points.length; at += 2) {
    context.fillRect(sight.points[at] - dot / 2, sight.points[at + 1] - dot / 2, dot, dot);
  }
}

function clear(text) {
  const canvas = element("camera");
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  say("camera-says", text);
}

/** Shows the confidence of the tracker, 0 to 1. */
export function showConfidence(confidence) {
  element("confidence").value = confidence;
  say("confidence-says", confidence > 0 ? percent(confidence) : t("face.none"));
}

async function show(event, from) {
  const sight = decode(event.data);
  if (sight) {
    try {
      const picture = await createImageBitmap(sight.jpeg);
      if (from !== socket) return; // closed meanwhile
      draw(sight, picture);
      picture.close();
      showConfidence(sight.confidence);
      say("camera-says", sight.others ? t("face.others", { count: sight.others }) : "");
    } catch {
      say("camera-says", t("face.bad_picture"));
    }
  }
  ask(from);
}

function ask(from) {
  clearTimeout(watch);
  if (from.readyState !== WebSocket.OPEN) return;
  from.send("next");
  watch = setTimeout(() => clear(t("face.no_picture")), QUIET_MS);
}

function connect() {
  const mine = (socket = new WebSocket(socketAddress("/camera")));
  mine.binaryType = "arraybuffer";
  mine.onopen = () => ask(mine);
  mine.onmessage = (event) => show(event, mine);
  mine.onclose = () => {
    if (mine !== socket) return;
    clearTimeout(watch);
    socket = null;
    clear("");
    if (isWanted) setTimeout(() => isWanted && !socket && connect(), RETRY_MS);
  };
}

/** Requests camera pictures while they are wanted. */
export function showCamera(wanted) {
  isWanted = wanted;
  element("camera-view").hidden = !wanted;
  if (wanted && !socket) connect();
  if (!wanted && socket) {
    const old = socket;
    socket = null;
    clearTimeout(watch);
    old.close();
    clear("");
  }
}
