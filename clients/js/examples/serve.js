/** Serves this folder on this machine alone: `node examples/serve.js [PORT]`, then open /examples/three/. */

import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = await realpath(fileURLToPath(new URL("..", import.meta.url)));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".glb": "model/gltf-binary", ".vrm": "model/gltf-binary" };
const port = Number(process.argv[2] ?? 8080);

createServer(async (request, response) => {
  try {
    let path = normalize(join(ROOT, decodeURIComponent(new URL(request.url, "http://x").pathname)));
    if (path.endsWith(sep)) path += "index.html";
    const real = await realpath(path);
    if (!real.startsWith(ROOT + sep) || !(await stat(real)).isFile()) throw new Error("outside");
    response.setHeader("Content-Type", TYPES[extname(real)] ?? "application/octet-stream");
    createReadStream(real).pipe(response);
  } catch {
    response.writeHead(404).end("not found\n");
  }
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/examples/three/`));
