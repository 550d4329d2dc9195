import { Store } from "./store";

// What a screen reader should say, politely, without anything being shown.
export const announcement = new Store<string>("");

export function announce(text: string): void {
  announcement.set("");
  requestAnimationFrame(() => announcement.set(text));
}
