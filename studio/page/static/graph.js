// A graph of two minutes of latency: the band from p50 to p99, and the budget if there is one.

const SECONDS = 120;
const STEPS_MS = [20, 40, 60, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10_000];
const LEFT = 28; // pixels for the numbers
const BOTTOM = 4;

const history = []; // {p50, p99}, or null for a second without a picture; the newest last

/** Adds a second. */
export function remember(latency) {
  history.push(latency);
  if (history.length > SECONDS) history.shift();
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draws the graph at the resolution of the screen. */
export function drawGraph(canvas, budgetMs) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || !height) return;
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);

  const most = Math.max(...history.map((one) => one?.p99 ?? 0), budgetMs ?? 0, 1);
  const top = STEPS_MS.find((step) => step >= most * 1.05) ?? most;
  const x = (index) => LEFT + ((width - LEFT - 2) * (index + SECONDS - history.length)) / (SECONDS - 1);
  const y = (ms) => height - BOTTOM - ((height - BOTTOM - 8) * ms) / top;

  context.font = "10px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const ms of [0, top / 2, top]) {
    context.fillStyle = colour("--line");
    context.fillRect(LEFT, Math.round(y(ms)), width - LEFT, 1);
    context.fillStyle = colour("--quiet");
    context.fillText(ms >= 1000 ? `${ms / 1000} s` : String(ms), LEFT - 6, Math.min(y(ms), height - 6));
  }
  if (budgetMs) line(context, [[LEFT, y(budgetMs)], [width, y(budgetMs)]], colour("--good"), [3, 3]);

  for (const run of runs()) {
    const upper = run.map((index) => [x(index), y(history[index].p99)]);
    const lower = run.map((index) => [x(index), y(history[index].p50)]);
    context.beginPath();
    [...upper, ...[...lower].reverse()].forEach(([left, at], index) => (index ? context.lineTo(left, at) : context.moveTo(left, at)));
    context.fillStyle = colour("--band");
    context.fill();
    line(context, upper, colour("--accent"));
    line(context, lower, colour("--text"));
  }
}

/** The indices of consecutive seconds with values. */
function runs() {
  const all = [[]];
  history.forEach((one, index) => (one ? all.at(-1).push(index) : all.push([])));
  return all.filter((run) => run.length > 0);
}

function line(context, points, style, dash = []) {
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  if (points.length === 1) context.arc(...points[0], 1, 0, 2 * Math.PI);
  context.strokeStyle = style;
  context.lineWidth = 1.5;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}
