// Asks before something is gone.

import { button, element, make } from "./elements.js";

/** Whether the person said yes. */
export function ask(title, text, yes) {
  const dialog = element("asker");
  const agree = button(yes, () => dialog.close("yes"), { class: "accent" });
  dialog.replaceChildren(
    make("h2", { id: "asker-title", text: title }),
    make("p", { text }),
    make("div", { class: "row end" }, button("Keep", () => dialog.close(""), { autofocus: true }), agree),
  );
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((settle) => {
    dialog.addEventListener("close", () => settle(dialog.returnValue === "yes"), { once: true });
  });
}
