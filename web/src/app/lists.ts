import { useEffect, useMemo } from "react";
import { asApiError, type ApiError } from "../api/problem";
import type { Page } from "../api/types";
import { connection } from "./connection";
import { placeKind } from "./router";
import { Store, useStore } from "./store";

export interface ListState<T> {
  items: T[];
  cursor?: string | null;
  status: "empty" | "loading" | "ready" | "more" | "failed" | "more-failed";
  error?: ApiError;
}

export type FetchPage<T> = (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>;

const freshMs = 20_000;

// A list read page by page. Several callers may ask for the next page: it is fetched once.
export class PagedList<T> {
  readonly state = new Store<ListState<T>>({ items: [], status: "empty" });
  private running: AbortController | undefined;
  private loadedAt = 0;
  private lastCall: "load" | "more" = "load";

  constructor(
    private fetchPage: FetchPage<T>,
    private keyOf: (item: T) => number | string,
  ) {}

  get isStale(): boolean {
    return Date.now() - this.loadedAt > freshMs;
  }

  // The next visit reads it anew.
  invalidate(): void {
    this.loadedAt = 0;
  }

  // The first page, anew. What is there stays on show until the answer comes.
  async load(): Promise<void> {
    const before = this.state.get();
    this.lastCall = "load";
    if (before.items.length === 0) this.state.set({ items: [], status: "loading" });
    await this.run(
      async (signal) => {
        const page = await this.fetchPage(undefined, signal);
        this.loadedAt = Date.now();
        this.state.set({ items: page.items, cursor: page.next_cursor, status: "ready" });
      },
      before.items.length === 0 ? "failed" : "more-failed",
    );
  }

  async more(): Promise<void> {
    const { cursor, status } = this.state.get();
    if (!cursor || status === "more" || status === "loading") return;
    this.lastCall = "more";
    this.state.patch({ status: "more", error: undefined });
    await this.run(async (signal) => {
      const page = await this.fetchPage(cursor, signal);
      const known = new Set(this.state.get().items.map(this.keyOf));
      const fresh = page.items.filter((item) => !known.has(this.keyOf(item)));
      this.state.set({
        items: [...this.state.get().items, ...fresh],
        cursor: page.next_cursor,
        status: "ready",
      });
    }, "more-failed");
  }

  async retry(): Promise<void> {
    if (this.lastCall === "more") await this.more();
    else await this.load();
  }

  update(change: (items: T[]) => T[]): void {
    this.state.patch({ items: change(this.state.get().items) });
  }

  replace(items: T[], cursor: string | null | undefined): void {
    this.running?.abort();
    this.loadedAt = Date.now();
    this.state.set({ items, cursor, status: "ready" });
  }

  private async run(
    work: (signal: AbortSignal) => Promise<void>,
    failure: "failed" | "more-failed",
  ): Promise<void> {
    this.running?.abort();
    const own = new AbortController();
    this.running = own;
    try {
      await work(own.signal);
    } catch (error) {
      if (!own.signal.aborted) this.state.patch({ status: failure, error: asApiError(error) });
    } finally {
      if (this.running === own) this.running = undefined;
    }
  }
}

const mostLists = 40;
const lists = new Map<string, PagedList<any>>();

export function listOf<T>(
  key: string,
  fetchPage: FetchPage<T>,
  keyOf: (item: T) => number | string,
): PagedList<T> {
  const known = lists.get(key) as PagedList<T> | undefined;
  if (known) {
    lists.delete(key);
    lists.set(key, known);
    return known;
  }
  const list = new PagedList<T>(fetchPage, keyOf);
  lists.set(key, list);
  const oldest = lists.keys().next().value;
  if (lists.size > mostLists && oldest !== undefined) lists.delete(oldest);
  return list;
}

export function forgetLists(): void {
  lists.clear();
}

// The list under `key`, kept between visits: on the way back it is as it was left, otherwise it is
// read anew when it is no longer fresh.
export function useList<T>(
  key: string,
  fetchPage: FetchPage<T>,
  keyOf: (item: T) => number | string,
): [ListState<T>, PagedList<T>] {
  // The key names everything the fetch depends on.
  const list = useMemo(() => listOf(key, fetchPage, keyOf), [key]);
  const state = useStore(list.state);
  useEffect(() => {
    const { status } = list.state.get();
    if (status === "empty" || status === "failed") void list.load();
    else if (placeKind() !== "back" && list.isStale && status === "ready") void list.load();
    return connection.onReturn(() => {
      const failed = list.state.get().status;
      if (failed === "failed" || failed === "more-failed") void list.retry();
    });
  }, [list]);
  return [state, list];
}
