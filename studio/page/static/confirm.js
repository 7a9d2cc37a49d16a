// Asks for confirmation before something is deleted.

import { button, element, make } from "./elements.js";
import { t } from "./text.js";

/** Resolves to whether the user confirmed. */
export function confirmed(title, text, yes) {
  const dialog = element("confirm");
  const agree = button(yes, () => dialog.close("yes"), { class: "accent" });
  dialog.replaceChildren(
    make("h2", { id: "confirm-title", text: title }),
    make("p", { text }),
    make("div", { class: "row end" }, button(t("button.keep"), () => dialog.close(""), { autofocus: true }), agree),
  );
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((settle) => {
    dialog.addEventListener("close", () => settle(dialog.returnValue === "yes"), { once: true });
  });
}
