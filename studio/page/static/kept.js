// Small choices that this browser remembers; where it keeps nothing, the usual ones.

export function kept(name, usual) {
  try {
    return localStorage.getItem(`omote ${name}`) ?? usual;
  } catch {
    return usual;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`omote ${name}`, value);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}
