// What the server tells by itself: its state, its numbers, the face; and whether it is there at all.

import { get, socketAddress } from "./api.js";

const RETRY_MS = 800;
const SILENCE_MS = 3500; // numbers come every second; three that are missing mean that nobody is there
const listeners = { state: [], status: [], face: [], recognised: [], connection: [] };

let socket = null;
let state = null; // the last one, for who comes later
let watchers = 0;
let patience = 0; // the timer until the next numbers
let isSilent = false;

/**
 * Calls `listener` with each message of this kind: "state" (also with the one that is there already), "status",
 * "face", "recognised", or "connection" with {isConnected, why}.
 */
export function on(kind, listener) {
  listeners[kind].push(listener);
  if (kind === "state" && state) listener(state);
}

/** Calls `render(part, state)` whenever what `pick(state)` gives is another than before. */
export function onPart(pick, render) {
  let before;
  on("state", (newest) => {
    const part = pick(newest);
    const now = JSON.stringify(part) ?? "";
    if (now === before) return;
    before = now;
    render(part, newest);
  });
}

/** The newest state; null before the first. */
export function current() {
  return state;
}

function tell(kind, message) {
  listeners[kind].forEach((listener) => listener(message));
}

function say(text) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(text);
}

/** Asks for "face" messages until the returned function is called. */
export function watchFaces() {
  watchers += 1;
  if (watchers === 1) say("face on");
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    watchers -= 1;
    if (watchers === 0) say("face off");
  };
}

function hear(event) {
  let message;
  try {
    message = JSON.parse(event.data);
  } catch {
    return; // nothing of ours
  }
  if (message.type === "state") {
    state = message.state;
    tell("state", state);
  } else if (message.type in listeners) {
    tell(message.type, message);
  }
  if (message.type === "status") expectMore();
}

/** A process that is stopped or hangs keeps its connection; only its numbers no longer come. */
function expectMore() {
  if (isSilent) tell("connection", { isConnected: true, why: "" });
  isSilent = false;
  clearTimeout(patience);
  patience = setTimeout(() => {
    isSilent = true;
    tell("connection", { isConnected: false, why: "Omote does not answer. Is it stopped, or too busy?" });
  }, SILENCE_MS);
}

/** A refused WebSocket does not say why; a request does. */
async function reason() {
  try {
    await get("/api/state");
    return "";
  } catch (error) {
    return error.status === 401 || error.status === 403
      ? "This address is no longer valid. Open the one that Omote printed when it started."
      : "";
  }
}

/** Connects, and again whenever the connection is lost. */
export function connect() {
  let hasOpened = false;
  socket = new WebSocket(socketAddress("/events"));
  socket.onopen = () => {
    hasOpened = true;
    if (watchers > 0) say("face on");
    tell("connection", { isConnected: true, why: "" });
  };
  socket.onmessage = hear;
  socket.onclose = async () => {
    clearTimeout(patience);
    isSilent = false;
    tell("connection", { isConnected: false, why: hasOpened ? "" : await reason() });
    setTimeout(connect, RETRY_MS);
  };
}
