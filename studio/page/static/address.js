// Addresses of this server, with the token of this page's address.

const token = new URLSearchParams(location.search).get("token") ?? "";

/** A path of this server with the token, as an absolute address. */
export function addressOf(path, query = {}) {
  const address = new URL(path, location.href);
  address.search = new URLSearchParams({ ...query, token });
  return address.href;
}

/** The same as a WebSocket address. */
export function socketAddress(path, query = {}) {
  return addressOf(path, query).replace(/^http/, "ws");
}
