import { deletePost, setLike } from "../../api/social";
import type { Post } from "../../api/types";
import { posts } from "../../app/entities";
import { toastFailure } from "../../app/failures";
import { navigate, paths } from "../../app/router";
import { session } from "../../app/session";
import { toast } from "../../app/toasts";
import { show } from "../../app/ui";
import { textNow } from "../../i18n";

export function signedInOrAsk(): boolean {
  if (session.get().state === "in") return true;
  toast(textNow().auth.needed);
  navigate(paths.signIn);
  return false;
}

// What the person wants, per post, while a call is on its way: presses in between only change the
// wish, and the last one is sent when the answer is there.
const wishes = new Map<number, boolean>();

async function sendLike(id: number, before: Pick<Post, "liked" | "like_count">): Promise<void> {
  let confirmed = before;
  try {
    for (;;) {
      const wish = wishes.get(id)!;
      const answer = await setLike(id, wish);
      confirmed = answer;
      if (wishes.get(id) !== wish) continue;
      posts.change(id, { liked: answer.liked, like_count: answer.like_count });
      return;
    }
  } catch (error) {
    posts.change(id, confirmed);
    toastFailure(error);
  } finally {
    wishes.delete(id);
  }
}

// Shows the new state at once, and the old one again if the server refuses.
export function toggleLike(id: number): void {
  const post = posts.get(id);
  if (!post || !signedInOrAsk()) return;
  const liked = !post.liked;
  const busy = wishes.has(id);
  wishes.set(id, liked);
  posts.change(id, { liked, like_count: Math.max(0, post.like_count + (liked ? 1 : -1)) });
  if (!busy) void sendLike(id, { liked: post.liked, like_count: post.like_count });
}

export function askToDeletePost(id: number, afterwards?: () => void): void {
  const t = textNow();
  show({
    kind: "confirm",
    title: t.post.deleteTitle,
    text: t.post.deleteText,
    action: t.action.remove,
    danger: true,
    run: async () => {
      await deletePost(id);
      posts.remove(id);
      toast(textNow().post.deleted);
      afterwards?.();
    },
  });
}

export async function copyLink(path: string): Promise<void> {
  const url = new URL(path, location.origin).href;
  try {
    if (navigator.share && matchMedia("(pointer: coarse)").matches) {
      await navigator.share({ url });
      return;
    }
    await navigator.clipboard.writeText(url);
    toast(textNow().action.shared);
  } catch {
    // Dismissed, or no clipboard on plain http: show the address instead.
    if (!navigator.clipboard) toast(url);
  }
}
