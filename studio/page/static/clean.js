// The clean page for OBS's browser source. `bg` in its address replaces the background that was chosen on the control page:
// "transparent", "green", any other colour's name, or six digits as 203040. `show` names the
// characters to show, as hana,noah, or all of them with "all"; without it, the main one.

import { stream } from "./stream.js";

const GREEN = "#00b140";

function colourOf(text) {
  if (text === "green") return GREEN;
  return /^[0-9a-f]{6}$/i.test(text) ? `#${text}` : text;
}

const query = new URLSearchParams(location.search);
const background = query.get("bg");
if (background) document.body.style.backgroundColor = colourOf(background); // what is no colour changes nothing
stream(document.getElementById("portrait"), { hasBackground: !background, show: query.get("show") });
