// Sentences on what is wrong with what is shown now: words beyond their box or the window, words that a list or a field
// cuts off, and controls on top of each other. What lies in a fixed bar or a strip that scrolls may cover what is below it.
() => {
  const found = new Set();
  const box = (one) => one.getBoundingClientRect();
  const isSeen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box(one).width > 1 && box(one).height > 1;
  const name = (one) => `${one.tagName.toLowerCase()}#${one.id}.${one.className} "${(one.textContent || one.value || "").trim().slice(0, 30)}"`;
  const isClipped = (one) => one && (getComputedStyle(one).clipPath !== "none" || isClipped(one.parentElement));
  const scrolls = (one) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX);
  const root = document.querySelector("dialog[open]") ?? document.body;

  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const holder = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !isSeen(holder) || holder.matches("option, .skip") || isClipped(holder)) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const words = range.getBoundingClientRect();
    for (let one = holder; one !== document.body; one = one.parentElement) {
      if (scrolls(one) && one.scrollWidth > one.clientWidth) break;
      const isBox = one.matches("button, kbd, label, li, p, h2, h3, dt, dd, td, .panel, .pad, .name, dialog, main, header");
      if (isBox && (words.right > box(one).right + 1 || words.left < box(one).left - 1)) found.add(`${name(holder)} is wider than ${name(one)}`);
      if (one.parentElement === document.body && words.right > innerWidth + 1) found.add(`${name(holder)} is beyond the window`);
    }
  }

  const pen = document.createElement("canvas").getContext("2d");
  for (const one of root.querySelectorAll("select, input[placeholder]")) {
    const style = getComputedStyle(one);
    const words = one.matches("select") ? (one.selectedOptions[0]?.text ?? "") : one.placeholder;
    const arrow = one.matches("select") ? 16 : 0;
    pen.font = style.font;
    const room = one.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
    if (isSeen(one) && pen.measureText(words).width > room + 1) found.add(`"${words}" does not fit into its field`);
  }

  const bars = ".tabs, .editor > .row, header, .picture";
  const controls = [...root.querySelectorAll("button, select, a, summary, input:not([type=radio])")].filter((one) => isSeen(one) && !one.closest(bars));
  controls.push(...root.querySelectorAll("#place"));
  controls.forEach((one, at) => {
    for (const other of controls.slice(at + 1)) {
      const wide = Math.min(box(one).right, box(other).right) - Math.max(box(one).left, box(other).left);
      const high = Math.min(box(one).bottom, box(other).bottom) - Math.max(box(one).top, box(other).top);
      if (wide > 2 && high > 2) found.add(`${name(one)} lies on ${name(other)}`);
    }
  });
  return [...found];
}
