// A ball that shows the direction of the light: drag it, or use the arrow keys.

import { t } from "./text.js";

const STEP = 0.08; // radians for one key press
const SHADES = 72; // shaded pixels across the ball; the browser interpolates

const unit = ([x, y, z]) => {
  const length = Math.hypot(x, y, z) || 1;
  return [x / length, y / length, z / length];
};

/** The direction turned around the vertical axis, or up and down. */
function turned([x, y, z], around, up) {
  const yaw = Math.atan2(x, z) + around;
  const pitch = Math.min(Math.max(Math.asin(y) + up, -1.5), 1.5);
  return [Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
}

/** In words: "Light from above, from the picture's right". */
export function where([x, y, z]) {
  const said = [];
  if (Math.abs(y) > 0.25) said.push(y > 0 ? t("light.above") : t("light.below"));
  if (Math.abs(x) > 0.25) said.push(x > 0 ? t("light.right") : t("light.left"));
  if (z < -0.1) said.push(t("light.behind"));
  return t("light.from", { where: said.join(t("light.and")) || t("light.front") });
}

function shade(context, size, direction, tint, ambient) {
  const small = new OffscreenCanvas(SHADES, SHADES);
  const image = new ImageData(SHADES, SHADES);
  for (let row = 0; row < SHADES; row += 1) {
    for (let column = 0; column < SHADES; column += 1) {
      const x = (2 * (column + 0.5)) / SHADES - 1;
      const y = 1 - (2 * (row + 0.5)) / SHADES;
      const rest = 1 - x * x - y * y;
      if (rest < 0) continue;
      const lit = Math.max(x * direction[0] + y * direction[1] + Math.sqrt(rest) * direction[2], 0);
      const value = 0.1 + 0.35 * ambient + (0.9 - 0.35 * ambient) * lit;
      const at = 4 * (row * SHADES + column);
      for (let channel = 0; channel < 3; channel += 1) image.data[at + channel] = 225 * value * tint[channel];
      image.data[at + 3] = 255 * Math.min(rest * 24, 1);
    }
  }
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 8, 8, size - 16, size - 16);
}

/** Draws the ball on a canvas. Calls `onTurn(direction)` when the user moves it; `show(light)` sets it. */
export function ballOn(canvas, onTurn) {
  const context = canvas.getContext("2d");
  const size = canvas.width;
  const radius = size / 2 - 8;
  let light = { direction: [0, 0, 1], warmth: 0, ambient: 0.3 };

  function paint() {
    const { direction, warmth, ambient } = light;
    const tint = [1 + 0.12 * Math.max(warmth, 0), 1 - 0.06 * Math.abs(warmth), 1 - 0.3 * Math.max(warmth, 0)];
    if (warmth < 0) tint[0] = 1 + 0.25 * warmth;
    context.clearRect(0, 0, size, size);
    shade(context, size, direction, tint, ambient);
    const [x, y] = [size / 2 + radius * direction[0], size / 2 - radius * direction[1]];
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.fillStyle = direction[2] < 0 ? "transparent" : "#fff";
    context.fill();
    context.lineWidth = 3;
    context.strokeStyle = "#d9694f";
    context.stroke();
  }

  function turn(direction) {
    light = { ...light, direction };
    paint();
    onTurn(direction);
  }

  function point(event) {
    const box = canvas.getBoundingClientRect();
    const scale = size / box.width / radius;
    const x = (event.clientX - box.left - box.width / 2) * scale;
    const y = -(event.clientY - box.top - box.height / 2) * scale;
    const rest = 1 - x * x - y * y;
    turn(unit([x, y, rest > 0 ? Math.sqrt(rest) : 0]));
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    point(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && point(event));
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP], Home: null };
    if (!(event.key in moves)) return;
    event.preventDefault();
    turn(moves[event.key] ? turned(light.direction, ...moves[event.key]) : [0, 0, 1]);
  });

  return {
    show(newest) {
      light = { ...newest, direction: unit(newest.direction) };
      paint();
    },
  };
}
