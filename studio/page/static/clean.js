// The clean page for OBS's browser source.

import { stream } from "./stream.js";

stream(document.getElementById("portrait"));
