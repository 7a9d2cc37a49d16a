// Requests the newest picture, draws it, and requests the next; reconnects when the connection is lost.

import { socketAddress } from "./address.js";

const HEADER_BYTES = 32; // as in streams.py
const MAGIC = 0x31504d4f; // "OMP1", little-endian
const RETRY_MS = 500;

/** The header's fields and the pixels of one message; null if it is not a picture. */
function decode(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) return null;
  const width = view.getUint16(4, true);
  const height = view.getUint16(6, true);
  if (buffer.byteLength !== HEADER_BYTES + width * height * 4) return null;
  return {
    width,
    height,
    number: view.getUint32(8, true),
    index: view.getUint32(12, true),
    capturedMs: view.getFloat64(16, true),
    sentMs: view.getFloat64(24, true),
    pixels: new ImageData(new Uint8ClampedArray(buffer, HEADER_BYTES), width, height),
  };
}

/**
 * Shows the newest picture on `canvas`, which is transparent while there is no connection. Calls `onPicture(picture)`
 * after each picture and `onConnection(isConnected)` at each change. Without `hasBackground`, the background that was
 * chosen on the control page is left out. `show` names the characters to show, or "all"; without it, the main one.
 */
export function stream(canvas, { onPicture = () => {}, onConnection = () => {}, hasBackground = true, show = null } = {}) {
  const query = { ...(hasBackground ? {} : { background: "none" }), ...(show ? { show } : {}) };
  const context = canvas.getContext("2d");

  function draw(picture) {
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    context.putImageData(picture.pixels, 0, 0);
    onPicture(picture);
  }

  function connect() {
    const socket = new WebSocket(socketAddress("/pictures", query));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      onConnection(true);
      socket.send("next");
    };
    socket.onmessage = (event) => {
      // Draws with the display and only then requests the next, so a hidden page requests nothing.
      requestAnimationFrame(() => {
        if (socket.readyState !== WebSocket.OPEN) return; // lost meanwhile: do not show an old face as live
        const picture = decode(event.data);
        if (picture) draw(picture);
        socket.send("next");
      });
    };
    socket.onclose = () => {
      context.clearRect(0, 0, canvas.width, canvas.height);
      onConnection(false);
      setTimeout(connect, RETRY_MS);
    };
  }

  connect();
}
