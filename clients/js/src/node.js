/** The node client: pictures, faces and control over ZeroMQ, written from bridge/WIRE.md alone. */

import { createSocket } from "node:dgram";
import { EventEmitter } from "node:events";

import { ControlError, LinkError, WireError } from "./errors.js";
import { pack, unpack, withNumbers } from "./messagepack.js";
import { MAX_PAYLOAD_BYTES, MAX_REQUEST_BYTES, VERSION, decode, uint } from "./wire.js";
import { Link, parseEndpoint } from "./zmtp.js";

export { ControlError, LinkError, WireError } from "./errors.js";
export { decode } from "./wire.js";
export * from "./face.js";

const STALE_NS = 500_000_000n;
const SLOW_METHODS = ["set_character"];
const CLOCK_EXCHANGES = 8;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const DISCOVERY_PORTS = Array.from({ length: 16 }, (_, i) => 5540 + i);
const LOOPBACK = /^tcp:\/\/(?:127\.|localhost:|\[::1\])/;

/** @typedef {import("./wire.js").Picture} Picture */
/** @typedef {import("./wire.js").Face} Face */
/** @typedef {import("./wire.js").Schema} Schema */
/** @typedef {import("./wire.js").Hello} Hello */
/** @typedef {import("./wire.js").Header} Header */
/** @typedef {{ session: bigint, offsetNs: bigint, uncertaintyNs: bigint }} ClockReading */

/**
 * Listens to one endpoint of Omote and connects again by itself.
 *
 * Only the newest picture and the newest face are kept: `take()` gives each once. The events "picture" and "face" bring
 * the same, at most one of each a turn of the event loop. "stale" comes when nothing has arrived for 500 ms, "live" when
 * something arrives again; "refused" with a WireError for a message that breaks the wire's rules, "lost" with an Error
 * when the connection is lost or cannot be made, "open" when it is made.
 *
 * @example
 * const receiver = new Receiver("tcp://127.0.0.1:5557");
 * receiver.on("picture", ({ width, height, data }) => console.log(width, height, data.length));
 */
export class Receiver extends EventEmitter {
  /**
   * @param {string} endpoint video or params
   * @param {{ subject?: string, format?: string, clock?: () => ClockReading | null }} [options] `format` as in
   *   WIRE.md, "rgba8" by default; `clock` the sender's clock as `Control.measureClock` gives it, for another machine
   */
  constructor(endpoint, { subject = "omote", format = "rgba8", clock = () => null } = {}) {
    super();
    if (!NAME.test(subject)) throw new LinkError(`a subject is 1 to 64 of A-Z a-z 0-9 _ . -, got ${JSON.stringify(subject)}`);
    const video = format === "rgba8" ? "v" : `v.${format}`;
    this.topics = [video, "p", "s", "h"].map((kind) => `${kind}/${subject}`);
    this.isSameClock = LOOPBACK.test(endpoint);
    this.clock = clock;
    this.counts = { received: 0, missed: 0, refused: 0, replaced: 0, sessions: 0 };
    /** @type {Schema | null} */
    this.schema = null;
    /** @type {Hello | null} */
    this.hello = null;
    this.isLive = false;
    /** @type {bigint | null} */
    this.session = null;
    /** @type {Map<string, bigint>} */
    this.expected = new Map(); // the next sequence number of each topic
    /** @type {{ picture: Picture | null, face: Face | null }} */
    this.newest = { picture: null, face: null };
    this.isScheduled = false;
    this.arrived = 0n;
    this.link = new Link(endpoint, "SUB", MAX_PAYLOAD_BYTES, {
      onMessage: (parts, count) => this.receive(parts, count),
      onOpen: () => {
        for (const topic of this.topics) this.link.send(Buffer.concat([Buffer.from([1]), Buffer.from(topic)]));
        this.emit("open");
      },
      onLost: (error) => this.emit("lost", error),
    });
    this.watch = setInterval(() => this.checkStale(), 100);
  }

  get isOpen() {
    return this.link.isOpen;
  }

  /** The newest picture and face that were not taken yet. */
  take() {
    const taken = this.newest;
    this.newest = { picture: null, face: null };
    return taken;
  }

  /**
   * Milliseconds from the capture of the performer's picture to now; null where the sender's clock is not known.
   * @param {Header} header
   */
  ageMs(header) {
    return this.sinceMs(header, header.captured);
  }

  /** Milliseconds since the message was handed to ZeroMQ; null where the clock is not known. @param {Header} header */
  transitMs(header) {
    return this.sinceMs(header, header.sent);
  }

  close() {
    clearInterval(this.watch);
    this.link.close();
  }

  /** @param {Header} header @param {bigint} then */
  sinceMs(header, then) {
    const reading = this.clock();
    const offset = reading?.session === header.session ? reading.offsetNs : this.isSameClock ? 0n : null;
    return offset === null ? null : Number(process.hrtime.bigint() + offset - then) / 1e6;
  }

  /** @param {Buffer[]} parts @param {number} count */
  receive(parts, count) {
    if (!this.topics.includes(parts[0].toString("latin1")) && count >= 3) return; // a subscription is a prefix
    try {
      this.accept(decode(parts, count));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counts.refused += 1;
      this.emit("refused", error);
    }
  }

  /** @param {Picture | Face | Schema | Hello} message */
  accept(message) {
    const { session, seq } = message.header;
    if (session !== this.session) {
      this.session = session;
      this.expected.clear();
      this.counts.sessions += 1;
    }
    if (message.kind === "schema") this.schema = message;
    else if (message.kind === "hello") this.hello = message;
    else {
      const expected = this.expected.get(message.topic) ?? seq;
      if (seq > expected) this.counts.missed += Number(seq - expected);
      this.expected.set(message.topic, seq + 1n);
      this.counts.received += 1;
      this.arrived = process.hrtime.bigint();
      this.keep(message);
    }
  }

  /** @param {Picture | Face} message */
  keep(message) {
    if (this.newest[message.kind]) this.counts.replaced += 1;
    if (message.kind === "picture") this.newest.picture = message;
    else this.newest.face = message;
    if (!this.isLive) {
      this.isLive = true;
      this.emit("live");
    }
    if (this.isScheduled || this.listenerCount("picture") + this.listenerCount("face") === 0) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      const { picture, face } = this.take();
      if (face) this.emit("face", face);
      if (picture) this.emit("picture", picture);
    });
  }

  checkStale() {
    if (!this.isLive || process.hrtime.bigint() - this.arrived < STALE_NS) return;
    this.isLive = false;
    this.emit("stale");
  }
}

/**
 * Asks Omote: every method of WIRE.md's *Control*.
 *
 * @example
 * const control = new Control();
 * await control.request("set_character", { name: "mira" });
 */
export class Control {
  /** @param {string} [endpoint] @param {{ timeoutMs?: number }} [options] of a request; 2000, for a character 10000 */
  constructor(endpoint = "tcp://127.0.0.1:5558", { timeoutMs } = {}) {
    this.timeoutMs = timeoutMs;
    this.lastId = 0n;
    /** @type {Map<bigint, { resolve: (result: import("./messagepack.js").Fields) => void, reject: (error: Error) => void }>} */
    this.waiting = new Map();
    /** @type {Map<bigint, Uint8Array>} */
    this.unsent = new Map(); // until the connection is made
    this.lastError = "no connection yet";
    this.link = new Link(endpoint, "DEALER", MAX_REQUEST_BYTES, {
      onMessage: (parts) => this.receive(parts[0]),
      onOpen: () => {
        for (const request of this.unsent.values()) this.link.send(request);
        this.unsent.clear();
      },
      onLost: (error) => {
        this.lastError = error.message;
      },
    });
  }

  /**
   * The result of this method. Rejects with ControlError where Omote refuses, or does not reply in time.
   * @param {string} method
   * @param {{ [name: string]: unknown }} [arguments_]
   * @returns {Promise<import("./messagepack.js").Fields>}
   */
  request(method, arguments_ = {}) {
    const id = ++this.lastId;
    const bytes = pack({ v: VERSION, id, method, with: arguments_ }, MAX_REQUEST_BYTES);
    const timeoutMs = this.timeoutMs ?? (SLOW_METHODS.includes(method) ? 10_000 : 2000);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        this.unsent.delete(id);
        const why = this.link.isOpen ? "" : `: ${this.lastError}`;
        reject(new ControlError("timeout", `no reply to ${method} in ${timeoutMs} ms${why}`));
      }, timeoutMs);
      this.waiting.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      if (!this.link.send(bytes)) this.unsent.set(id, bytes);
    });
  }

  /**
   * How far the sender's monotonic clock is ahead of ours: of eight exchanges, the shortest counts.
   * @returns {Promise<ClockReading>}
   */
  async measureClock() {
    /** @type {ClockReading | null} */
    let best = null;
    for (let i = 0; i < CLOCK_EXCHANGES; i++) {
      const before = process.hrtime.bigint();
      const { received, session } = await this.request("clock");
      const after = process.hrtime.bigint();
      const reading = {
        session: whole(session),
        offsetNs: whole(received) - (before + after) / 2n,
        uncertaintyNs: (after - before) / 2n,
      };
      if (!best || reading.uncertaintyNs < best.uncertaintyNs) best = reading;
    }
    return /** @type {ClockReading} */ (best);
  }

  close() {
    this.link.close();
    for (const { reject } of this.waiting.values()) reject(new ControlError("closed", "the client was closed"));
    this.waiting.clear();
    this.unsent.clear();
  }

  /** @param {Buffer} part */
  receive(part) {
    try {
      const reply = unpack(part, "reply", MAX_REQUEST_BYTES);
      const id = uint(reply, "id");
      const waiting = this.waiting.get(id);
      if (!waiting) return; // it was given up
      this.waiting.delete(id);
      const error = /** @type {{ code?: unknown, message?: unknown } | undefined} */ (reply.error);
      if (error) waiting.reject(new ControlError(String(error.code), String(error.message)));
      else waiting.resolve(/** @type {import("./messagepack.js").Fields} */ (withNumbers(reply.result ?? {})));
    } catch (error) {
      if (!(error instanceof WireError)) throw error; // a reply that cannot be read ends by its timeout
    }
  }
}

/** @param {unknown} value a number or a bigint of a reply */
function whole(value) {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) throw new ControlError("invalid", `the clock gave ${value}`);
  return BigInt(/** @type {number | bigint} */ (value));
}

/** @typedef {{ name: string, subject: string, session: bigint, video: string, params: string, control: string, curve: boolean, omote: string }} Sender */

/**
 * The senders of this machine that answer in this time. `video`, `params` and `control` are endpoints; `curve` says that a
 * sender is encrypted, which this client cannot receive.
 * @param {{ timeoutMs?: number, ports?: number[] }} [options]
 * @returns {Promise<Sender[]>}
 */
export function discover({ timeoutMs = 300, ports = DISCOVERY_PORTS } = {}) {
  return new Promise((resolve, reject) => {
    /** @type {Map<number, Sender>} */
    const answers = new Map(); // by port: one each, whatever the program at it sends
    const socket = createSocket("udp4");
    socket.on("error", reject);
    socket.on("message", (answer, { address, port }) => {
      if (!address.startsWith("127.") || !ports.includes(port)) return;
      try {
        answers.set(port, decodeSender(answer));
      } catch (error) {
        if (!(error instanceof WireError || error instanceof LinkError)) throw error; // another program
      }
    });
    socket.bind(0, "127.0.0.1", () => {
      for (const port of ports) socket.send("omote? 1", port, "127.0.0.1");
    });
    setTimeout(() => {
      socket.close();
      const found = new Map([...answers.values()].map((one) => [one.session, one]));
      resolve([...found.values()].sort((a, b) => (a.name + a.video < b.name + b.video ? -1 : 1)));
    }, timeoutMs);
  });
}

/** @param {Uint8Array} bytes @returns {Sender} */
function decodeSender(bytes) {
  const fields = unpack(bytes, "announcement", 1024);
  if (uint(fields, "v") !== 1n) throw new WireError("the announcement has another version than 1");
  const { name, subject, video, params, control, curve, omote } = fields;
  for (const text of [name, subject, video, params, control, omote]) {
    if (typeof text !== "string" || /[\u0000-\u001f\u007f-\u009f]/.test(text)) throw new WireError("an announcement has printable texts");
  }
  for (const endpoint of [video, params, control]) if (endpoint !== "") parseEndpoint(String(endpoint));
  if (typeof curve !== "boolean") throw new WireError("'curve' must be true or false");
  return /** @type {Sender} */ ({ name, subject, session: uint(fields, "session"), video, params, control, curve, omote });
}
