import type { UserCard } from "../../api/types";
import { usePerson } from "../../app/entities";
import { useMe } from "../../app/session";
import { useText } from "../../i18n";
import { shownName } from "../../components/Avatar";
import { toggleFollow } from "./actions";

export function FollowButton({ user, small = false }: { user: UserCard; small?: boolean }) {
  const t = useText();
  const me = useMe();
  const known = usePerson(user.id);
  if (me?.id === user.id || known?.is_blocked) return null;
  const following = known?.is_following ?? false;
  const label = following
    ? t.action.following
    : known?.is_followed_by
      ? t.action.followBack
      : t.action.follow;
  return (
    <button
      type="button"
      className={`button follow ${following ? "following" : "primary"} ${small ? "small" : ""}`}
      aria-pressed={following}
      aria-label={`${label}: ${shownName(user)}`}
      data-undo={t.action.unfollow}
      onClick={() => void toggleFollow(user)}
    >
      <span>{label}</span>
    </button>
  );
}
