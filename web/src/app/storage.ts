// localStorage may be forbidden or full; the page then simply forgets.
export function remember(name: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`madang.${name}`);
    else localStorage.setItem(`madang.${name}`, value);
  } catch {
    // Nothing to be done.
  }
}

export function recall(name: string): string | undefined {
  try {
    return localStorage.getItem(`madang.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}
