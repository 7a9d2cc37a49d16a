// The points of a drawn face over the drawing: found by Omote, corrected by hand.

import { upload } from "./api.js";
import { make } from "./elements.js";
import { named, t } from "./text.js";

const STEP = 0.0025; // of the drawing's width, for an arrow key; ten times that with Shift

/** A field for the points: `box` is its element, `read(file)` finds the points, and `placed` is what to send, or null. */
export function pointsField() {
  const picture = make("img", { alt: t("points.drawing") });
  const sheet = make("div", { class: "sheet" }, picture);
  const says = make("p", { class: "hint", role: "status" });
  const box = make("div", { class: "points", hidden: true }, says, sheet);
  const points = { box, placed: null, read, clear };
  let size = { width: 1, height: 1 };
  let asked = 0;

  function clear() {
    asked += 1;
    box.hidden = true;
    points.placed = null;
    if (picture.src) URL.revokeObjectURL(picture.src);
    picture.removeAttribute("src");
    sheet.replaceChildren(picture);
  }

  async function read(file) {
    clear();
    const mine = asked;
    const found = await upload("/api/characters/points", {}, file);
    if (mine !== asked) return; // another file was chosen meanwhile
    size = { width: found.width, height: found.height };
    picture.src = URL.createObjectURL(file);
    says.textContent = found.is_found ? t("points.found") : t("points.usual");
    points.placed = found.points;
    sheet.append(...Object.keys(found.points).map(handle));
    box.hidden = false;
  }

  function handle(name) {
    const dot = make("button", { type: "button", class: "point", title: named("point", name), "aria-label": named("point", name) });
    function move(x, y) {
      points.placed[name] = [Math.min(Math.max(x, 0), size.width), Math.min(Math.max(y, 0), size.height)];
      dot.style.left = `${(100 * points.placed[name][0]) / size.width}%`;
      dot.style.top = `${(100 * points.placed[name][1]) / size.height}%`;
    }
    move(...points.placed[name]);
    dot.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      dot.focus();
      dot.setPointerCapture(event.pointerId);
    });
    dot.addEventListener("pointermove", (event) => {
      if (!dot.hasPointerCapture(event.pointerId)) return;
      const around = sheet.getBoundingClientRect();
      move(
        ((event.clientX - around.left) / around.width) * size.width,
        ((event.clientY - around.top) / around.height) * size.height,
      );
    });
    dot.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      const step = STEP * size.width * (event.shiftKey ? 10 : 1);
      const [x, y] = points.placed[name];
      move(x + way[0] * step, y + way[1] * step);
    });
    return dot;
  }

  return points;
}
