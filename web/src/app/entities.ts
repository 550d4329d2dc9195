import { useCallback, useSyncExternalStore } from "react";
import type { Post, Profile, UserCard } from "../api/types";

type Change<T> = Partial<T>;
const mostRows = 3_000;

// One copy of each object the page shows, so that a like in the feed is a like on the post's own
// page too. `null` marks what was deleted. Bounded: what nobody watches goes first.
export class Entities<T extends { id: number }> {
  private rows = new Map<number, T | null>();
  private watchers = new Map<number, Set<() => void>>();

  get(id: number): T | null | undefined {
    return this.rows.get(id);
  }

  put(row: T): T {
    const old = this.rows.get(row.id);
    const merged = old ? { ...old, ...row } : row;
    this.rows.delete(row.id);
    this.rows.set(row.id, merged);
    this.trim();
    this.tell(row.id);
    return merged;
  }

  change(id: number, change: Change<T>): void {
    const old = this.rows.get(id);
    if (!old) return;
    this.rows.set(id, { ...old, ...change });
    this.tell(id);
  }

  remove(id: number): void {
    this.rows.set(id, null);
    this.tell(id);
  }

  find(test: (row: T) => boolean): T | undefined {
    for (const row of this.rows.values()) if (row && test(row)) return row;
    return undefined;
  }

  clear(): void {
    this.rows.clear();
  }

  watch(id: number, listener: () => void): () => void {
    const listeners = this.watchers.get(id) ?? new Set();
    listeners.add(listener);
    this.watchers.set(id, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.watchers.delete(id);
    };
  }

  private tell(id: number): void {
    for (const listener of [...(this.watchers.get(id) ?? [])]) listener();
  }

  private trim(): void {
    if (this.rows.size <= mostRows) return;
    for (const id of this.rows.keys()) {
      if (this.rows.size <= mostRows) return;
      if (!this.watchers.has(id)) this.rows.delete(id);
    }
  }
}

export const posts = new Entities<Post>();
export const people = new Entities<UserCard & Partial<Profile>>();

function useEntity<T extends { id: number }>(entities: Entities<T>, id: number) {
  const watch = useCallback((listener: () => void) => entities.watch(id, listener), [entities, id]);
  return useSyncExternalStore(watch, () => entities.get(id));
}

// undefined: not known; null: deleted.
export const usePost = (id: number) => useEntity(posts, id);
export const usePerson = (id: number) => useEntity(people, id);

export function keepPost(post: Post): Post {
  people.put(post.author);
  return posts.put(post);
}

export function keepPerson<T extends UserCard>(person: T): T {
  people.put(person);
  return person;
}
