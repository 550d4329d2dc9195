import type { FeedItem, Page, Post } from "../api/types";
import { keepPost } from "./entities";
import type { FetchPage } from "./lists";

// Lists hold ids; the posts themselves are kept once, among the entities.
export function postIds(fetchPage: FetchPage<Post>): FetchPage<number> {
  return async (cursor, signal) => {
    const page = await fetchPage(cursor, signal);
    return { items: page.items.map((post) => keepPost(post).id), next_cursor: page.next_cursor };
  };
}

export const idItself = (id: number) => id;

export interface FeedRow {
  id: number;
  seen: boolean;
  source: FeedItem["source"];
}

export function feedRows(page: Page<FeedItem>): Page<FeedRow> {
  return {
    items: page.items.map(({ post, seen, source }) => ({ id: keepPost(post).id, seen, source })),
    next_cursor: page.next_cursor,
  };
}
