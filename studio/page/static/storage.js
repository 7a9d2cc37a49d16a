// Choices that this browser remembers, if it has storage.

export function readStored(name, usual) {
  try {
    return localStorage.getItem(`omote ${name}`) ?? usual;
  } catch {
    return usual;
  }
}

export function store(name, value) {
  try {
    localStorage.setItem(`omote ${name}`, value);
  } catch {
    // Without storage the choice holds for this visit.
  }
}
