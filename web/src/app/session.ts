import { readMe, signOut as endSession } from "../api/identity";
import { whenUnauthorized } from "../api/client";
import { ApiError, asApiError } from "../api/problem";
import type { Account } from "../api/types";
import { connection } from "./connection";
import { people, posts } from "./entities";
import { forgetLists } from "./lists";
import { Store, useStore } from "./store";

export interface Session {
  state: "loading" | "in" | "out" | "failed";
  me?: Account;
  error?: ApiError;
}

export const session = new Store<Session>({ state: "loading" });
export const useSession = () => useStore(session);
export const useMe = () => useStore(session).me;

function forgetEverything(): void {
  forgetLists();
  posts.clear();
  people.clear();
}

// Other tabs follow: one account at a time in one browser.
const channel = "BroadcastChannel" in window ? new BroadcastChannel("madang.session") : undefined;
if (channel) channel.onmessage = () => location.reload();

export function enter(me: Account): void {
  forgetEverything();
  session.set({ state: "in", me });
  channel?.postMessage("changed");
}

export function updateMe(me: Account): void {
  people.put(me);
  session.set({ state: "in", me });
}

export function leave(): void {
  forgetEverything();
  session.set({ state: "out" });
  channel?.postMessage("changed");
}

export async function signOut(): Promise<void> {
  await endSession();
  leave();
}

export async function loadSession(): Promise<void> {
  try {
    session.set({ state: "in", me: await readMe() });
  } catch (caught) {
    const error = asApiError(caught);
    session.set(error.status === 401 ? { state: "out" } : { state: "failed", error });
  }
}

whenUnauthorized(() => {
  if (session.get().state === "in") leave();
});

connection.onReturn(() => {
  if (session.get().state === "failed") void loadSession();
});
