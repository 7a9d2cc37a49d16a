// Asks for pictures and draws them: one at a time, always the newest, and by itself again after a lost connection.

import { socketAddress } from "./api.js";

const HEADER_BYTES = 32; // as in message.py
const MAGIC = 0x31504d4f; // "OMP1", little-endian
const RETRY_MS = 500;

/** The header's fields and the pixels of one message; null where it is not a picture. */
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
 * Keeps `canvas` showing the newest picture. `onPicture(picture)` after each drawn one, `onConnection(isConnected)`
 * at each change; the canvas is empty, thus transparent, while there is no connection.
 */
export function stream(canvas, { onPicture = () => {}, onConnection = () => {} } = {}) {
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
    const socket = new WebSocket(socketAddress("/pictures"));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      onConnection(true);
      socket.send("next");
    };
    socket.onmessage = (event) => {
      // Drawn with the screen's rhythm, and only then asked again: a hidden page asks for nothing.
      requestAnimationFrame(() => {
        if (socket.readyState !== WebSocket.OPEN) return; // lost meanwhile: an old face must not stand there as if live
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
