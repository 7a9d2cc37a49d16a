/** The browser client: pictures and faces by WebSocket from Omote's page, with its token. It imports nothing. */

const HEADER_BYTES = 32;
const MAGIC = 0x31504d4f; // "OMP1", little-endian
const RETRY_MS = 500;

/**
 * A picture with straight alpha, the first row on top. Times are of the wall clock in milliseconds, as `Date.now()`.
 * @typedef {object} PagePicture
 * @property {number} width
 * @property {number} height
 * @property {number} number of the picture since Omote started
 * @property {number} index of the source's picture, the same in the face
 * @property {number} capturedMs
 * @property {number} sentMs
 * @property {Uint8ClampedArray<ArrayBuffer>} pixels red, green, blue, alpha
 */
/**
 * A face, as bridge/WIRE.md describes its fields. Rotations are rotation vectors in radians; left is the subject's left.
 * @typedef {object} PageFace
 * @property {number} number
 * @property {number} index
 * @property {number} captured_ms
 * @property {number} sent_ms
 * @property {string} basis
 * @property {string[]} recognised
 * @property {number[]} weights [52] as the tracker saw them
 * @property {number[]} shown_weights [52] as the portrait shows them
 * @property {number[]} jaw_pose [3] as shown, and so the next four
 * @property {number[]} neck_pose [3]
 * @property {number[]} eye_pose [6]
 * @property {number[]} eyelids [2]
 * @property {number[]} translation [3]
 * @property {number[]} head_rotation [3] as the tracker saw it, and so the next two
 * @property {number[]} head_translation [3]
 * @property {number[]} gaze [4]
 * @property {number} confidence
 * @property {number} presence
 */

/**
 * Receives from Omote's page, and connects again by itself. Each message is asked for when the last was handled, at the
 * display's rate, so a slow or hidden page gets fewer of them and never an old one.
 *
 * Omote accepts a page of another origin only where it was started with `--page-origin`, this page's origin.
 *
 * @example
 * const connection = connect("http://127.0.0.1:8765/clean?token=...", { onPicture: show, onFace: drive });
 *
 * @param {string} address of the clean page, as `omote live` prints it after OBS
 * @param {{
 *   onPicture?: (picture: PagePicture) => void,
 *   onFace?: (face: PageFace) => void,
 *   onConnection?: (isConnected: boolean) => void,
 * }} handlers
 * @returns {{ close: () => void }}
 */
export function connect(address, { onPicture, onFace, onConnection = () => {} }) {
  const page = new URL(address);
  const token = page.searchParams.get("token");
  if (!token) throw new Error("the address of Omote's page has a token: use the one that `omote live` printed");
  const base = `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}`;
  let open = 0;
  /** @param {number} change */
  const count = (change) => {
    const wasConnected = open > 0;
    open += change;
    if (open > 0 !== wasConnected) onConnection(open > 0);
  };
  const streams = [
    onPicture && stream(`${base}/pictures?token=${token}`, (data) => onPicture(decodePicture(data)), count),
    onFace && stream(`${base}/faces?token=${token}`, (data) => onFace(JSON.parse(data)), count),
  ];
  return { close: () => streams.forEach((one) => one?.close()) };
}

/**
 * @param {string} address
 * @param {(data: any) => void} onMessage
 * @param {(change: number) => void} count
 */
function stream(address, onMessage, count) {
  let isClosed = false;
  /** @type {WebSocket} */
  let socket;

  function open() {
    let isOpen = false;
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      isOpen = true;
      count(1);
      socket.send("next");
    };
    socket.onmessage = ({ data, target }) => {
      requestAnimationFrame(() => {
        if (/** @type {WebSocket} */ (target).readyState !== WebSocket.OPEN) return;
        onMessage(data);
        /** @type {WebSocket} */ (target).send("next");
      });
    };
    socket.onclose = () => {
      if (isOpen) count(-1);
      if (!isClosed) setTimeout(open, RETRY_MS);
    };
  }

  open();
  return {
    close() {
      isClosed = true;
      socket.close();
    },
  };
}

/**
 * The picture in a message of /pictures; an Error where it is none.
 * @param {ArrayBuffer} buffer
 * @returns {PagePicture}
 */
export function decodePicture(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) throw new Error("this is no picture of Omote");
  const [width, height] = [view.getUint16(4, true), view.getUint16(6, true)];
  const expected = HEADER_BYTES + 4 * width * height;
  if (buffer.byteLength !== expected) throw new Error(`a picture of ${width}x${height} has ${expected} bytes, got ${buffer.byteLength}`);
  return {
    width,
    height,
    number: view.getUint32(8, true),
    index: view.getUint32(12, true),
    capturedMs: view.getFloat64(16, true),
    sentMs: view.getFloat64(24, true),
    pixels: new Uint8ClampedArray(buffer, HEADER_BYTES),
  };
}
