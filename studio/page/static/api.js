// Requests to the server.

import { addressOf } from "./address.js";
import { t } from "./text.js";

/** A request that the server refused; the message is a sentence for the user. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function answered(request) {
  let answer;
  try {
    answer = await request;
  } catch {
    throw new ApiError(t("api.no_answer"), 0);
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(said?.error || t("api.refused", { status: String(answer.status) }), answer.status);
  return said;
}

/** The server's answer; ApiError if it refuses. */
export function get(path) {
  return answered(fetch(addressOf(path)));
}

/** Posts `body` as JSON; the request completes even if the page is closed. */
export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answered(fetch(addressOf(path), { method: "POST", headers, body: JSON.stringify(body), keepalive: true }));
}

/** Posts a file's bytes. */
export function upload(path, query, file) {
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  return answered(fetch(addressOf(path, query), { method: "POST", headers, body: file }));
}

export function remove(path) {
  return answered(fetch(addressOf(path), { method: "DELETE" }));
}

/**
 * A function that sends values that change quickly: one request at a time, and only the newest of those that wait.
 * Its `isBusy` says whether a request is in progress.
 */
export function newest(send) {
  let waiting = null;
  const sender = async (value) => {
    waiting = { value };
    if (sender.isBusy) return;
    sender.isBusy = true;
    while (waiting) {
      const next = waiting.value;
      waiting = null;
      await send(next);
    }
    sender.isBusy = false;
  };
  sender.isBusy = false;
  return sender;
}
