import { useEffect } from "react";
import { toggleLike } from "../features/post/actions";
import { navigate, paths } from "./router";
import { session } from "./session";
import { openDialog, show } from "./ui";

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest("input, textarea, select, [contenteditable], dialog, [role=menu]") !== null
  );
}

// With a Korean layout the key J types ㅓ: letters are read from their place on the keyboard then.
function letterOf(event: KeyboardEvent): string {
  if (/^[\x20-\x7e]$/.test(event.key)) return event.key.toLowerCase();
  if (event.code.startsWith("Key")) return event.code.slice(3).toLowerCase();
  return event.key;
}

const allPosts = () => [...document.querySelectorAll<HTMLElement>("[data-post]")];

function focusedPost(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>("[data-post]") ?? null;
}

// Without a focused post, start at the first one below the top of the window.
function step(by: 1 | -1): void {
  const posts = allPosts();
  const at = focusedPost();
  const from = at ? posts.indexOf(at) : -1;
  const visible = posts.findIndex((post) => post.getBoundingClientRect().bottom > 80);
  const to = posts[at ? from + by : Math.max(visible, 0)];
  if (!to) return;
  to.focus({ preventScroll: true });
  to.scrollIntoView({ block: "start", behavior: "auto" });
}

function postId(post: HTMLElement | null): number | undefined {
  return post ? Number(post.dataset.post) : undefined;
}

function likeFocused(): void {
  const single = document.querySelector<HTMLElement>(".post.whole");
  const id = postId(focusedPost() ?? single);
  if (id !== undefined) toggleLike(id);
}

function act(key: string, event: KeyboardEvent): boolean {
  const signedIn = session.get().state === "in";
  switch (key) {
    case "j":
      step(1);
      return true;
    case "k":
      step(-1);
      return true;
    case "l":
      likeFocused();
      return true;
    case "n":
      if (signedIn) show({ kind: "composer" });
      return signedIn;
    case "h":
      navigate(paths.home);
      return true;
    case "/":
      navigate(paths.search());
      return true;
    case "?":
      show({ kind: "help" });
      return true;
    case "Enter": {
      const post =
        event.target instanceof HTMLElement && event.target.matches("[data-post]")
          ? event.target
          : null;
      if (post) navigate(paths.post(Number(post.dataset.post)));
      return post !== null;
    }
    default:
      return false;
  }
}

export function useShortcuts(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || (event.repeat && event.key === "l"))
        return;
      if (event.metaKey || event.ctrlKey || event.altKey) return;
      if (openDialog.get() || isTyping(event.target)) return;
      if (act(letterOf(event), event)) event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}
