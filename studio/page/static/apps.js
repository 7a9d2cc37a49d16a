// Programs that ask to control Omote: a dialog for each question, and the list of those that are allowed.

import { post } from "./api.js";
import { button, element, make } from "./elements.js";
import { attempt } from "./notices.js";
import { onPart } from "./state.js";
import { named, t } from "./text.js";

function answer(request, grants) {
  return attempt(() => post("/api/apps/answer", { id: request.id, grants }), "apps");
}

function ask(request) {
  const dialog = element("app-request");
  if (!request) {
    if (dialog.open) dialog.close();
    return;
  }
  const ticks = request.wants.map((want) => {
    const input = make("input", { type: "checkbox", value: want, checked: true });
    return [input, make("label", { class: "tick" }, input, make("span", { text: named("grant", want) }))];
  });
  const granted = () => ticks.filter(([input]) => input.checked).map(([input]) => input.value);
  const { name, developer } = request;
  dialog.replaceChildren(
    make("h2", { id: "app-request-title", text: t("apps.title", { name }) }),
    make("p", { class: "hint", text: developer ? t("apps.asks_by", { name, developer }) : t("apps.asks", { name }) }),
    make("div", {}, ...ticks.map(([, label]) => label)),
    make(
      "div",
      { class: "row end" },
      button(t("apps.deny"), () => answer(request, []), { autofocus: true }),
      button(t("apps.allow"), () => answer(request, granted()), { class: "accent" }),
    ),
  );
  if (!dialog.open) dialog.showModal();
}

function row(app) {
  const grants = app.grants.map((one) => named("grant", one)).join(", ");
  return make(
    "li",
    { class: "row", "data-app": app.name },
    make("strong", { text: app.name }),
    make("span", { class: "quiet", text: `${app.is_connected ? t("apps.connected") : t("apps.not_connected")} · ${grants}` }),
    make("span", { class: "gap" }),
    button(t("apps.forget"), () => attempt(() => post("/api/apps/revoke", { name: app.name }), "apps")),
  );
}

export function startApps() {
  element("app-request").addEventListener("cancel", (event) => event.preventDefault()); // Escape neither allows nor denies
  onPart((state) => state.apps.pending[0] ?? null, ask);
  onPart((state) => state.apps.allowed, (allowed) => {
    element("apps").replaceChildren(...allowed.map(row));
    element("no-apps").hidden = allowed.length > 0;
  });
}
