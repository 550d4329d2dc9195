import { useEffect, useRef } from "react";

// How long a second tap may take; a single one waits as long before it counts.
const secondTapMs = 240;

// Tells one tap from two on the same thing. The keyboard has no second tap, and does not wait.
export function useTaps(single: (index: number) => void, double: (index: number) => void) {
  const first = useRef<{ index: number; timer: number }>(undefined);
  useEffect(() => () => window.clearTimeout(first.current?.timer), []);
  return (index: number, byKeyboard: boolean) => {
    const before = first.current;
    first.current = undefined;
    window.clearTimeout(before?.timer);
    if (byKeyboard) return single(index);
    if (before?.index === index) return double(index);
    const timer = window.setTimeout(() => {
      first.current = undefined;
      single(index);
    }, secondTapMs);
    first.current = { index, timer };
  };
}
