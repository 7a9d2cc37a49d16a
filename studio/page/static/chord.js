// The name of a pressed key with its modifiers, as hotkeys keep it: "F5", "Ctrl+Shift+k".

/** Shift counts only beside another modifier, because it changes the key's own name; AltGr types letters. */
export function chordOf(event) {
  const isTyping = event.getModifierState?.("AltGraph");
  if (isTyping || !(event.ctrlKey || event.altKey || event.metaKey)) return event.key;
  const held = [["Ctrl", event.ctrlKey], ["Alt", event.altKey], ["Shift", event.shiftKey], ["Meta", event.metaKey]];
  return [...held.filter(([, isHeld]) => isHeld).map(([name]) => name), event.key].join("+");
}

/** A chord as it stands on a keyboard: "Ctrl+K" for "Ctrl+k". */
export const shownKey = (chord) => chord.replace(/(?<=^|\+)\p{Ll}$/u, (letter) => letter.toUpperCase());

export const isModifier = (key) => ["Control", "Alt", "Shift", "Meta", "AltGraph", "CapsLock"].includes(key);
