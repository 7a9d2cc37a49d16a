/** A ZeroMQ client over TCP: ZMTP 3.0 (rfc.zeromq.org/spec/23) with the NULL mechanism, without a library. */

import net from "node:net";

import { LinkError } from "./errors.js";

const GREETING_BYTES = 64;
const MAX_COMMAND_BYTES = 1024;
const MAX_SMALL_PART_BYTES = 4096;
const MAX_PARTS = 8; // further parts are read and not kept
const HANDSHAKE_MS = 5000;
const PING_MS = 1000;
const SILENCE_MS = 4000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
const READ_BYTES = 1 << 18;
const PING = Buffer.from([4, 0x50, 0x49, 0x4e, 0x47, 0, 0]); // "PING", without a time to live
const MORE = 1;
const LONG = 2;
const COMMAND = 4;

/**
 * @typedef {object} Handlers
 * @property {(parts: Buffer[], count: number) => void} onMessage the first eight parts; `count` is of all parts.
 *   A part that is too long is empty.
 * @property {() => void} [onOpen] after the handshake
 * @property {(error: Error) => void} [onLost] why the connection is lost or was refused
 */

/** Connects, and connects again until `close` is called. */
export class Link {
  /**
   * @param {string} endpoint as tcp://127.0.0.1:5557
   * @param {"SUB" | "DEALER"} type
   * @param {number} maxPartBytes of parts after the second, or of each part for a DEALER
   * @param {Handlers} handlers
   */
  constructor(endpoint, type, maxPartBytes, handlers) {
    this.address = parseEndpoint(endpoint);
    this.type = type;
    this.maxPartBytes = maxPartBytes;
    this.handlers = handlers;
    /** @type {Connection | null} */
    this.connection = null;
    this.pauseMs = FIRST_PAUSE_MS;
    this.isClosed = false;
    /** @type {NodeJS.Timeout | undefined} */
    this.retry = undefined;
    this.connect();
  }

  get isOpen() {
    return this.connection?.isReady ?? false;
  }

  /** Sends a message of one part; false without a connection. @param {Uint8Array} body */
  send(body) {
    if (!this.connection?.isReady) return false;
    this.connection.sendFrame(0, body);
    return true;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.retry);
    this.connection?.end(null);
  }

  connect() {
    const connection = new Connection(this.address, this.type, this.maxPartBytes, {
      onMessage: this.handlers.onMessage,
      onOpen: () => {
        this.pauseMs = FIRST_PAUSE_MS;
        this.handlers.onOpen?.();
      },
      onLost: (error) => {
        if (this.connection !== connection) return;
        this.connection = null;
        if (this.isClosed) return;
        this.handlers.onLost?.(error);
        this.retry = setTimeout(() => this.connect(), this.pauseMs);
        this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
      },
    });
    this.connection = connection;
  }
}

/**
 * @param {string} endpoint
 * @returns {{ host: string, port: number }}
 */
export function parseEndpoint(endpoint) {
  const found = /^tcp:\/\/(\[[^\]]+\]|[^:/[\]]+):(\d{1,5})$/.exec(endpoint);
  const port = found ? Number(found[2]) : 0;
  if (!found || found[1] === "*" || port < 1 || port > 65535) {
    throw new LinkError(`an endpoint reads as tcp://127.0.0.1:5557, got ${JSON.stringify(endpoint)}`);
  }
  return { host: found[1].replace(/^\[|\]$/g, ""), port };
}

class Connection {
  /**
   * @param {{ host: string, port: number }} address
   * @param {"SUB" | "DEALER"} type
   * @param {number} maxPartBytes
   * @param {Required<Handlers>} handlers
   */
  constructor(address, type, maxPartBytes, handlers) {
    this.type = type;
    this.handlers = handlers;
    this.isReady = false;
    this.isOver = false;
    this.heardMs = Date.now();
    this.frames = new FrameReader(type, maxPartBytes, {
      onGreetingStart: () => this.socket.write(greeting().subarray(11)),
      onGreeting: (theirs) => this.checkGreeting(theirs),
      onCommand: (name, body) => this.obey(name, body),
      onMessage: handlers.onMessage,
    });
    // One buffer for all reads: bytes are copied to where they belong, so no chunk is kept.
    this.socket = net.connect({ ...address, onread: { buffer: Buffer.allocUnsafe(READ_BYTES), callback: this.read } });
    this.socket.setNoDelay(true);
    this.socket.on("connect", () => this.socket.write(greeting().subarray(0, 11)));
    this.socket.on("error", (error) => this.end(error));
    this.socket.on("close", () => this.end(new LinkError("the sender closed the connection")));
    this.beat = setInterval(() => this.check(), PING_MS);
  }

  /** @param {number} count @param {Uint8Array} buffer */
  read = (count, buffer) => {
    if (this.isOver) return false;
    this.heardMs = Date.now();
    try {
      this.frames.push(buffer.subarray(0, count));
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.end(error);
    }
    return !this.isOver;
  };

  /** @param {number} flags @param {Uint8Array} body */
  sendFrame(flags, body) {
    const isLong = body.length > 255;
    const head = Buffer.alloc(isLong ? 9 : 2);
    head[0] = flags | (isLong ? LONG : 0);
    if (isLong) head.writeBigUInt64BE(BigInt(body.length), 1);
    else head[1] = body.length;
    this.socket.write(Buffer.concat([head, body]));
  }

  /** @param {Error | null} error null where it was closed on purpose */
  end(error) {
    if (this.isOver) return;
    this.isOver = true;
    this.isReady = false;
    clearInterval(this.beat);
    this.socket.destroy();
    this.handlers.onLost(error ?? new LinkError("closed"));
  }

  check() {
    const silentMs = Date.now() - this.heardMs;
    if (!this.isReady && silentMs > HANDSHAKE_MS) this.end(new LinkError(`no ZeroMQ handshake in ${HANDSHAKE_MS} ms`));
    else if (silentMs > SILENCE_MS) this.end(new LinkError(`the sender has been silent for ${silentMs} ms`));
    else if (this.isReady && silentMs >= PING_MS) this.sendFrame(COMMAND, PING);
  }

  /** @param {Buffer} theirs */
  checkGreeting(theirs) {
    const mechanism = theirs.toString("latin1", 12, 32).replace(/\0+$/, "");
    if (theirs[10] < 3) throw new LinkError(`the sender speaks ZMTP ${theirs[10]}, expected 3 or newer`);
    if (mechanism === "CURVE") {
      throw new LinkError("the sender expects encryption, which this client lacks: connect on Omote's own machine");
    }
    if (mechanism !== "NULL") throw new LinkError(`the sender expects the mechanism ${mechanism}, this client has NULL`);
    this.sendFrame(COMMAND, ready(this.type));
  }

  /** @param {string} name @param {Buffer} body */
  obey(name, body) {
    if (name === "PING" && this.isReady) {
      this.sendFrame(COMMAND, Buffer.concat([Buffer.from([4]), Buffer.from("PONG"), body.subarray(2, 18)]));
    } else if (name === "ERROR") {
      throw new LinkError(`the sender refuses the connection: ${body.subarray(1).toString("latin1").slice(0, 255)}`);
    } else if (name === "READY" && !this.isReady) {
      this.isReady = true;
      this.handlers.onOpen();
    } else if (!this.isReady) {
      throw new LinkError(`expected READY, got ${JSON.stringify(name.slice(0, 20))}`);
    }
  }
}

function greeting() {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write("NULL", 12, "latin1");
  return bytes;
}

/** @param {string} type */
function ready(type) {
  const name = Buffer.from("Socket-Type");
  const value = Buffer.alloc(4);
  value.writeUInt32BE(type.length);
  return Buffer.concat([Buffer.from([5]), Buffer.from("READY"), Buffer.from([name.length]), name, value, Buffer.from(type)]);
}

/**
 * @typedef {object} FrameHandlers
 * @property {() => void} onGreetingStart after the eleven bytes that tell the version
 * @property {(bytes: Buffer) => void} onGreeting
 * @property {(name: string, body: Buffer) => void} onCommand
 * @property {(parts: Buffer[], count: number) => void} onMessage
 */

/** Turns bytes, in whatever pieces they come, into commands and messages. Its memory is bounded. */
export class FrameReader {
  /** @param {"SUB" | "DEALER"} type @param {number} maxPartBytes @param {FrameHandlers} handlers */
  constructor(type, maxPartBytes, handlers) {
    this.type = type;
    this.maxPartBytes = maxPartBytes;
    this.handlers = handlers;
    this.flags = 0;
    /** @type {Buffer[]} */
    this.parts = [];
    this.count = 0; // of the parts that came, also of those that are not kept
    this.wanted = Buffer.alloc(0);
    this.have = 0;
    /** @type {(bytes: Buffer) => void} */
    this.then = () => {};
    this.skip = 0; // bytes that are not kept
    this.expect(11, (start) => {
      if (start[0] !== 0xff || start[9] !== 0x7f) throw new LinkError("what answers there is not ZeroMQ");
      handlers.onGreetingStart();
      const head = Buffer.from(start);
      this.expect(GREETING_BYTES - 11, (rest) => {
        handlers.onGreeting(Buffer.concat([head, rest]));
        this.expectFrame();
      });
    });
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    let at = 0;
    while (at < bytes.length) {
      if (this.skip > 0) {
        const skipped = Math.min(this.skip, bytes.length - at);
        this.skip -= skipped;
        at += skipped;
        if (this.skip === 0) this.endPart(Buffer.alloc(0));
        continue;
      }
      const taken = Math.min(this.wanted.length - this.have, bytes.length - at);
      this.wanted.set(bytes.subarray(at, at + taken), this.have);
      this.have += taken;
      at += taken;
      if (this.have === this.wanted.length) this.then(this.wanted);
    }
  }

  /** @param {number} length @param {(bytes: Buffer) => void} then */
  expect(length, then) {
    this.wanted = Buffer.allocUnsafe(length);
    this.have = 0;
    this.then = then;
  }

  expectFrame() {
    this.expect(2, (head) => {
      this.flags = head[0];
      if (this.flags & ~(MORE | LONG | COMMAND)) throw new LinkError(`0x${this.flags.toString(16)} are no flags of a frame`);
      if (!(this.flags & LONG)) {
        this.expectBody(head[1]);
        return;
      }
      const first = head[1];
      this.expect(7, (rest) => this.expectBody(Number(BigInt(first) << 56n | BigInt(`0x${rest.toString("hex")}`))));
    });
  }

  /** @param {number} length */
  expectBody(length) {
    if (this.flags & COMMAND) {
      if (length < 1 || length > MAX_COMMAND_BYTES) throw new LinkError(`a ZMTP command of ${length} bytes came`);
      this.expect(length, (body) => {
        const end = 1 + body[0];
        this.expectFrame();
        this.handlers.onCommand(body.toString("latin1", 1, end), body.subarray(end));
      });
      return;
    }
    if (length > this.maxPartBytes) throw new LinkError(`a part of ${length} bytes came, at most ${this.maxPartBytes} are read`);
    const isSmall = this.type === "SUB" && this.count < 2;
    if (length === 0) this.endPart(Buffer.alloc(0));
    else if (this.count >= MAX_PARTS || (isSmall && length > MAX_SMALL_PART_BYTES)) this.skip = length;
    else this.expect(length, (body) => this.endPart(body));
  }

  /** @param {Buffer} body */
  endPart(body) {
    this.count += 1;
    if (this.parts.length < MAX_PARTS) this.parts.push(body);
    const isWhole = !(this.flags & MORE);
    this.expectFrame();
    if (!isWhole) return;
    const { parts, count } = this;
    this.parts = [];
    this.count = 0;
    this.handlers.onMessage(parts, count);
  }
}
