import type { UserCard } from "../../api/types";
import { session } from "../../app/session";
import { recall, remember } from "../../app/storage";

const mostRecent = 8;

export function recentPeople(): UserCard[] {
  try {
    const rows = JSON.parse(recall("recent") ?? "[]") as UserCard[];
    return Array.isArray(rows) ? rows.filter((row) => row?.id && row.handle) : [];
  } catch {
    return [];
  }
}

export function rememberVisit(user: UserCard): void {
  if (session.get().me?.id === user.id) return;
  const { id, handle, name, avatar } = user;
  const rows = [{ id, handle, name, avatar }, ...recentPeople().filter((one) => one.id !== id)];
  remember("recent", JSON.stringify(rows.slice(0, mostRecent)));
}

export function forgetVisits(): void {
  remember("recent", undefined);
}
