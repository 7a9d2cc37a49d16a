// A field for a picture that is chosen or dropped, with a preview.

import { make } from "./elements.js";
import { number, t } from "./text.js";

const MOST_MB = 16;
const MOST_MODEL_MB = 128;
const SIDE = 240; // pixels of the small picture

/** A field for one picture: `box` is its element and `file` the picture, null at first; `onFile` is called for each. */
export function photoField(onFile) {
  const chooser = make("input", { type: "file", accept: "image/*,.vrm", class: "unseen", id: "photo" });
  const says = make("span", { text: t("file.drop") });
  const small = make("canvas", { width: SIDE, height: SIDE, hidden: true });
  const box = make("label", { class: "drop", for: "photo" }, chooser, small, says);
  const photo = { box, file: null };

  async function take(file) {
    if (!file) return;
    photo.file = null;
    small.hidden = true;
    says.textContent = file.name;
    const isModel = file.name.toLowerCase().endsWith(".vrm");
    const mostMb = isModel ? MOST_MODEL_MB : MOST_MB;
    if (file.size > mostMb * 2 ** 20) {
      says.textContent = t("file.too_large", { name: file.name, found: number(file.size / 2 ** 20), most: mostMb });
      return;
    }
    photo.file = file; // Omote may be able to read it even if this browser cannot
    onFile(file);
    if (isModel) return;
    try {
      const picture = await createImageBitmap(file);
      const scale = Math.max(SIDE / picture.width, SIDE / picture.height);
      const [width, height] = [picture.width * scale, picture.height * scale];
      small.getContext("2d").drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
      small.hidden = false;
    } catch {
      says.textContent = t("file.no_preview", { name: file.name });
    }
  }

  chooser.addEventListener("change", () => take(chooser.files[0]));
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("is-over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("is-over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("is-over");
    take(event.dataTransfer.files[0]);
  });
  return photo;
}
