import { peekFeed, readFeed } from "../../api/social";
import type { Post } from "../../api/types";
import { announce } from "../../app/announce";
import { keepPost } from "../../app/entities";
import { listOf, type PagedList } from "../../app/lists";
import { feedRows, type FeedRow } from "../../app/postLists";
import { Store } from "../../app/store";
import { textNow } from "../../i18n";

export interface Arrivals {
  count: number;
  // More than one page arrived: there may be others between these and what is shown.
  many: boolean;
}

const none: Arrivals = { count: 0, many: false };
export const arrivals = new Store<Arrivals>(none);

const fetchRows = async (cursor: string | undefined, signal: AbortSignal) =>
  feedRows(await readFeed(cursor, signal));

export const feedKey = "feed";
export const feedKeyOf = (row: FeedRow) => row.id;
export const feedFetch = fetchRows;
export const feedList = (): PagedList<FeedRow> => listOf(feedKey, fetchRows, feedKeyOf);

const topOfPagePx = 120;
const settleMs = 300;
let onShow = false;
let timer: ReturnType<typeof setTimeout> | undefined;
let looking = false;

export function feedIsShown(shown: boolean): void {
  onShow = shown;
}

function readerIsAtTop(): boolean {
  return onShow && document.visibilityState === "visible" && window.scrollY < topOfPagePx;
}

// A hint that something new may be there. Several hints in a row cost one look.
export function feedHint(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void look(), settleMs);
}

function countNew(items: { id: number }[]): Arrivals {
  const known = new Set(
    feedList()
      .state.get()
      .items.map((row) => row.id),
  );
  const fresh = items.filter((item) => !known.has(item.id));
  return {
    count: fresh.length,
    many: known.size > 0 && fresh.length === items.length && items.length > 1,
  };
}

async function look(): Promise<void> {
  const { status } = feedList().state.get();
  if (looking || status === "empty" || status === "loading") return;
  looking = true;
  try {
    if (readerIsAtTop()) await showArrivals();
    else {
      const page = await peekFeed();
      const found = countNew(page.items.map((item) => item.post));
      arrivals.set(found);
      if (found.count > 0) announce(textNow().feed.arrived(String(found.count)));
    }
  } catch {
    // The next hint, or the next visit, looks again.
  } finally {
    looking = false;
  }
}

// Reads the first page (which marks it as seen) and puts what is new on top. When a whole page is
// new there may be a hole below it, so the list starts anew.
export async function showArrivals(): Promise<number> {
  const list = feedList();
  const page = feedRows(await readFeed(undefined, new AbortController().signal));
  const fresh = countNew(page.items);
  const known = new Set(list.state.get().items.map((row) => row.id));
  const rows = page.items.filter((row) => !known.has(row.id));
  if (fresh.many && page.next_cursor) list.replace(page.items, page.next_cursor);
  else if (rows.length > 0) list.update((items) => [...rows, ...items]);
  arrivals.set(none);
  if (rows.length > 0) announce(textNow().feed.arrived(String(rows.length)));
  return rows.length;
}

// One's own new post stands on top at once.
export function addOwnPost(post: Post): void {
  keepPost(post);
  const list = feedList();
  if (list.state.get().status !== "ready") return;
  list.update((items) => [
    { id: post.id, seen: true, source: "live" },
    ...items.filter((row) => row.id !== post.id),
  ]);
}

export function forgetArrivals(): void {
  clearTimeout(timer);
  arrivals.set(none);
}
