// The events of the server: state, status, faces and the connection itself.

import { socketAddress } from "./address.js";
import { get } from "./api.js";
import { t } from "./text.js";

const RETRY_MS = 800;
const SILENCE_MS = 3500; // the status comes every second; after three missing ones the server counts as gone
const listeners = { state: [], status: [], face: [], voice: [], recognised: [], connection: [] };

let socket = null;
let state = null; // the newest one, for later listeners
const watchers = { face: 0, voice: 0 };
let patience = 0; // the timer until the next status
let isSilent = false;

/**
 * Calls `listener` with each message of this kind: "state" (also with the current one, if there is one), "status",
 * "face", "voice", "recognised", or "connection" with {isConnected, why}.
 */
export function on(kind, listener) {
  listeners[kind].push(listener);
  if (kind === "state" && state) listener(state);
}

/** Calls `render(part, state)` whenever `pick(state)` changes. */
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

/** Asks for messages of this kind, "face" or "voice", until the returned function is called. */
export function watch(kind) {
  watchers[kind] += 1;
  if (watchers[kind] === 1) say(`${kind} on`);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    watchers[kind] -= 1;
    if (watchers[kind] === 0) say(`${kind} off`);
  };
}

function receive(event) {
  let message;
  try {
    message = JSON.parse(event.data);
  } catch {
    return; // not a message of the server
  }
  if (message.type === "state") {
    state = message.state;
    tell("state", state);
  } else if (message.type in listeners) {
    tell(message.type, message);
  }
  if (message.type === "status") expectMore();
}

/** A process that hangs keeps its connection, but no status arrives. */
function expectMore() {
  if (isSilent) tell("connection", { isConnected: true, why: "" });
  isSilent = false;
  clearTimeout(patience);
  patience = setTimeout(() => {
    isSilent = true;
    tell("connection", { isConnected: false, why: t("api.silent") });
  }, SILENCE_MS);
}

/** Why the connection was refused; a WebSocket does not say it, but a request does. */
async function reason() {
  try {
    await get("/api/state");
    return "";
  } catch (error) {
    return error.status === 401 || error.status === 403
      ? t("api.old_address")
      : "";
  }
}

/** Connects, and reconnects whenever the connection is lost. */
export function connect() {
  let hasOpened = false;
  socket = new WebSocket(socketAddress("/events"));
  socket.onopen = () => {
    hasOpened = true;
    for (const [kind, count] of Object.entries(watchers)) if (count > 0) say(`${kind} on`);
    tell("connection", { isConnected: true, why: "" });
  };
  socket.onmessage = receive;
  socket.onclose = async () => {
    clearTimeout(patience);
    isSilent = false;
    tell("connection", { isConnected: false, why: hasOpened ? "" : await reason() });
    setTimeout(connect, RETRY_MS);
  };
}
