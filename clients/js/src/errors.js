/** The errors of this client. Messages say what was found and what was expected. */

/** Bytes from the sender break a rule of WIRE.md; the message is dropped and counted. */
export class WireError extends Error {
  name = "WireError";
}

/** The connection cannot be made or is lost; it is tried again. */
export class LinkError extends Error {
  name = "LinkError";
}

/** Omote refuses a request, or does not reply in time. `code` is one of WIRE.md's, or "timeout". */
export class ControlError extends Error {
  name = "ControlError";

  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
