// The connection to Omote: while it is lost, the controls are disabled, and the page reconnects.

import { say } from "./elements.js";
import { notice, withdraw } from "./notices.js";
import { on } from "./state.js";
import { t } from "./text.js";

export function startLink() {
  on("connection", ({ isConnected, why }) => {
    document.body.dataset.connection = isConnected ? "live" : "lost";
    for (const part of document.querySelectorAll(".work, .actions, .commands, .quick")) part.inert = !isConnected;
    say("connection", isConnected ? t("connection.live") : t("connection.lost"));
    if (isConnected) withdraw("link");
    else if (why) notice(why, { key: "link" });
  });
  on("state", (state) => notice(state.notice, { key: "state", kind: "warning" }));
  on("status", (status) => notice(status.notice, { key: "status", kind: "warning" }));
}
