import { useEffect } from "react";
import { LiveEvents } from "../api/events";
import { readMe } from "../api/identity";
import type { LiveEvent } from "../api/types";
import { feedHint, forgetArrivals } from "../features/feed/feed";
import { noteUnread, refreshUnread, unread } from "../features/notifications/unread";
import { connection } from "./connection";

function receive(event: LiveEvent): void {
  if (event.type === "feed.new") feedHint();
  else if (event.type === "notification") noteUnread(event.data?.unread);
  else if (event.type === "reset") lookAtEverything();
}

// A 401 signs this page out (client.ts); anything else is not for us to judge.
function checkSession(): void {
  readMe().catch(() => {});
}

function lookAtEverything(): void {
  feedHint();
  refreshUnread();
}

// While somebody is signed in: live events, and a look after every gap in them.
export function useLive(signedIn: boolean): void {
  useEffect(() => {
    if (!signedIn) return undefined;
    const live = new LiveEvents(receive, lookAtEverything, checkSession);
    live.start();
    refreshUnread();
    const seen = () => document.visibilityState === "visible" && lookAtEverything();
    document.addEventListener("visibilitychange", seen);
    const stopWatching = connection.onReturn(lookAtEverything);
    return () => {
      live.stop();
      document.removeEventListener("visibilitychange", seen);
      stopWatching();
      unread.set(0);
      forgetArrivals();
    };
  }, [signedIn]);
}
