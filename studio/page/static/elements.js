// Builds elements. All text is set as text; nothing here parses HTML.

export const element = (id) => document.getElementById(id);

/**
 * A new element. `text` is its text, `on` its listeners by event, and everything else are attributes: true sets an
 * empty one, false and null none.
 */
export function make(tag, { text, on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A button with this text. */
export function button(text, onClick, attributes = {}) {
  return make("button", { type: "button", text, on: { click: onClick }, ...attributes });
}

/** A label with its field below. */
export function field(label, input, note = "") {
  const name = make("span", { class: "label", text: label });
  return make("label", { class: "field" }, name, input, note ? make("small", { text: note }) : null);
}

/** A select; `options` are [value, label] pairs. */
export function choice(options, value, attributes = {}) {
  const select = make("select", attributes);
  for (const [one, label] of options) {
    select.append(make("option", { value: one, text: label, selected: one === value }));
  }
  return select;
}

/** Sets a text only if it differs, so that screen readers do not repeat it. */
export function say(id, text) {
  const node = element(id);
  if (node.textContent !== text) node.textContent = text;
}

/** Seconds as 1:05 or 1:00:05. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
