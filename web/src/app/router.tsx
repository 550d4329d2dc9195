import { useEffect, useLayoutEffect, type AnchorHTMLAttributes, type MouseEvent } from "react";
import { Store, useStore } from "./store";

export interface Place {
  path: string;
  query: URLSearchParams;
  key: string;
  kind: "load" | "push" | "replace" | "back";
}

interface HistoryMark {
  key: string;
}

function newPlaceKey(): string {
  return Math.random().toString(36).slice(2, 10);
}

function currentPlace(kind: Place["kind"]): Place {
  let key = (history.state as HistoryMark | null)?.key;
  if (!key) {
    key = newPlaceKey();
    history.replaceState({ key } satisfies HistoryMark, "");
  }
  return { path: location.pathname, query: new URLSearchParams(location.search), key, kind };
}

const place = new Store<Place>(currentPlace("load"));

// Where each visited place was scrolled to, for the way back. Bounded.
const scrolls = new Map<string, number>();
const mostScrolls = 100;

function rememberScroll(): void {
  const { key } = place.get();
  scrolls.delete(key);
  scrolls.set(key, window.scrollY);
  const oldest = scrolls.keys().next().value;
  if (scrolls.size > mostScrolls && oldest !== undefined) scrolls.delete(oldest);
}

history.scrollRestoration = "manual";
window.addEventListener("popstate", () => {
  rememberScroll();
  place.set(currentPlace("back"));
});

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  rememberScroll();
  const mark: HistoryMark = { key: newPlaceKey() };
  if (options.replace) history.replaceState(mark, "", to);
  else history.pushState(mark, "", to);
  place.set(currentPlace(options.replace ? "replace" : "push"));
}

export function usePlace(): Place {
  return useStore(place);
}

export function placeKind(): Place["kind"] {
  return place.get().kind;
}

const longestRestoreMs = 800;

// The page may still be growing when one comes back: try until it is tall enough.
function restoreScroll(top: number): () => void {
  const until = performance.now() + longestRestoreMs;
  let frame = 0;
  const step = () => {
    window.scrollTo({ top, behavior: "instant" });
    if (Math.abs(window.scrollY - top) > 2 && performance.now() < until) {
      frame = requestAnimationFrame(step);
    }
  };
  step();
  return () => cancelAnimationFrame(frame);
}

export function useScrollRestoration(): void {
  const { key, kind } = usePlace();
  useLayoutEffect(() => {
    if (kind === "back") return restoreScroll(scrolls.get(key) ?? 0);
    if (kind !== "replace") window.scrollTo({ top: 0, behavior: "instant" });
    return undefined;
  }, [key, kind]);
}

// A screen reader, and the keyboard, start at the new page's content.
export function useFocusOnNavigation(): void {
  const { path, kind } = usePlace();
  useEffect(() => {
    if (kind === "load" || kind === "replace") return;
    const content = document.getElementById("content");
    // A page may have put the focus into a field of its own already.
    if (!content?.contains(document.activeElement)) content?.focus({ preventScroll: true });
  }, [path, kind]);
}

export function useTitle(title: string): void {
  useEffect(() => {
    pageTitle.set(title);
  }, [title]);
}

export const pageTitle = new Store<string>("");

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string };

export function Link({ to, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const ours = !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || event.button !== 0 || !ours) return;
    event.preventDefault();
    if (to !== location.pathname + location.search) navigate(to);
    else window.scrollTo({ top: 0 });
  };
  return <a href={to} onClick={follow} {...rest} />;
}

export const paths = {
  home: "/",
  ranking: "/ranking",
  search: (query = "") => (query ? `/search?q=${encodeURIComponent(query)}` : "/search"),
  notifications: "/notifications",
  settings: (section = "") => (section ? `/settings/${section}` : "/settings"),
  signIn: "/sign-in",
  signUp: "/sign-up",
  reports: "/admin/reports",
  admin: (section: string) => `/admin/${section}`,
  post: (id: number) => `/posts/${id}`,
  user: (handle: string, tab = "") => `/@${encodeURIComponent(handle)}${tab ? `/${tab}` : ""}`,
};
