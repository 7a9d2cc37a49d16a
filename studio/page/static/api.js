// Speaks with the server: the token in this page's own address goes along with every request.

const token = new URLSearchParams(location.search).get("token") ?? "";

/** What the server answered where it did not do what was asked; the message is a sentence for people. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** A path of this server with the token, as an absolute address. */
export function addressOf(path, query = {}) {
  const address = new URL(path, location.href);
  address.search = new URLSearchParams({ ...query, token });
  return address.href;
}

/** The same for a WebSocket. */
export function socketAddress(path) {
  return addressOf(path).replace(/^http/, "ws");
}

async function answered(request) {
  let answer;
  try {
    answer = await request;
  } catch {
    throw new ApiError("Omote does not answer. Is it still running?", 0);
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(said?.error || `Omote answered ${answer.status}.`, answer.status);
  return said;
}

/** What the server says; ApiError says why not. */
export function get(path) {
  return answered(fetch(addressOf(path)));
}

/** Does something; `body` goes as JSON. It is sent to its end even where the page is closed meanwhile. */
export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answered(fetch(addressOf(path), { method: "POST", headers, body: JSON.stringify(body), keepalive: true }));
}

/** Sends a file's bytes as they are. */
export function upload(path, query, file) {
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  return answered(fetch(addressOf(path, query), { method: "POST", headers, body: file }));
}

export function remove(path) {
  return answered(fetch(addressOf(path), { method: "DELETE" }));
}

/**
 * A function that sends the newest value of a thing that changes quickly: one request at a time, and what came
 * meanwhile is replaced by what comes later. `isBusy` of it says whether something is on its way.
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
