import { readUnread } from "../../api/social";
import { session } from "../../app/session";
import { Store } from "../../app/store";

export const unread = new Store<number>(0);
// Counts the events, so that an open list knows of each.
export const arrivalCount = new Store<number>(0);

const settleMs = 250;
let timer: ReturnType<typeof setTimeout> | undefined;

// Asks the server for the number, once for several events in a row.
export function refreshUnread(): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (session.get().state !== "in") return;
    readUnread()
      .then((page) => unread.set(page.unread))
      .catch(() => {
        // The next event or visit asks again.
      });
  }, settleMs);
}

// The event itself brings the number; without one the server is asked.
export function noteUnread(count: unknown): void {
  arrivalCount.set(arrivalCount.get() + 1);
  if (typeof count === "number") unread.set(count);
  else refreshUnread();
}
