import { setBlock, setFollow, setMute } from "../../api/social";
import type { UserCard } from "../../api/types";
import { shownName } from "../../components/Avatar";
import { people } from "../../app/entities";
import { toastFailure } from "../../app/failures";
import { forgetLists } from "../../app/lists";
import { toast } from "../../app/toasts";
import { show } from "../../app/ui";
import { textNow } from "../../i18n";
import { feedList } from "../feed/feed";
import { signedInOrAsk } from "../post/actions";

const running = new Set<number>();

export async function toggleFollow(user: UserCard): Promise<void> {
  const known = people.get(user.id) ?? people.put(user);
  if (running.has(user.id) || !signedInOrAsk()) return;
  const following = !known.is_following;
  const count = known.follower_count;
  const shift = following ? 1 : -1;
  running.add(user.id);
  people.change(user.id, {
    is_following: following,
    ...(count === undefined ? {} : { follower_count: Math.max(0, count + shift) }),
  });
  try {
    await setFollow(user.id, following);
    feedList().invalidate();
  } catch (error) {
    people.change(user.id, { is_following: !following, follower_count: count });
    toastFailure(error, () => void toggleFollow(user));
  } finally {
    running.delete(user.id);
  }
}

export async function setMuted(user: UserCard, on: boolean): Promise<void> {
  if (!signedInOrAsk()) return;
  try {
    await setMute(user.id, on);
    people.change(user.id, { is_muted: on });
    forgetLists();
    const t = textNow().profile;
    const text = on ? t.mutedDone(shownName(user)) : t.unmutedDone(shownName(user));
    toast(text, { action: { label: textNow().action.undo, run: () => void setMuted(user, !on) } });
  } catch (error) {
    toastFailure(error);
  }
}

async function changeBlock(user: UserCard, on: boolean): Promise<void> {
  await setBlock(user.id, on);
  people.change(user.id, { is_blocked: on, ...(on ? { is_following: false } : {}) });
  forgetLists();
  const t = textNow().profile;
  toast(on ? t.blockedDone(shownName(user)) : t.unblockedDone(shownName(user)));
}

export function askToBlock(user: UserCard): void {
  if (!signedInOrAsk()) return;
  const t = textNow();
  show({
    kind: "confirm",
    title: t.profile.blockTitle(shownName(user)),
    text: t.profile.blockText,
    action: t.action.block,
    danger: true,
    run: () => changeBlock(user, true),
  });
}

export const unblock = (user: UserCard) => changeBlock(user, false).catch(toastFailure);

export function reportUser(user: UserCard): void {
  if (!signedInOrAsk()) return;
  show({ kind: "report", target: { user_id: user.id }, title: `@${user.handle}` });
}
