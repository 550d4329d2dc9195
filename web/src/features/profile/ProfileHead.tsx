import type { Profile } from "../../api/types";
import { Link, navigate, paths } from "../../app/router";
import { useMe } from "../../app/session";
import { show } from "../../app/ui";
import { Avatar, shownName } from "../../components/Avatar";
import { Icon } from "../../components/Icon";
import { Menu, type MenuItem } from "../../components/Menu";
import { RichText } from "../../components/RichText";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { copyLink } from "../post/actions";
import { askToBlock, reportUser, setMuted, unblock } from "./actions";
import { FollowButton } from "./FollowButton";

function ProfileMenu({ user, mine }: { user: Profile; mine: boolean }) {
  const t = useText();
  const me = useMe();
  const items: MenuItem[] = [
    { label: t.action.share, icon: "link", run: () => void copyLink(paths.user(user.handle)) },
  ];
  if (!mine) {
    const muted = user.is_muted ?? false;
    items.push(
      {
        label: muted ? t.action.unmute : t.action.mute,
        icon: "mute",
        run: () => void setMuted(user, !muted),
      },
      user.is_blocked
        ? { label: t.action.unblock, icon: "block", run: () => void unblock(user) }
        : { label: t.action.block, icon: "block", danger: true, run: () => askToBlock(user) },
      { label: t.action.report, icon: "flag", danger: true, run: () => reportUser(user) },
    );
    if (me?.roles.includes("admin"))
      items.push({
        label: t.admin.suspend,
        icon: "shield",
        danger: true,
        run: () =>
          show({ kind: "suspend", user, done: () => navigate(paths.admin("suspensions")) }),
      });
  }
  return <Menu label={t.action.options} items={items} />;
}

export function ProfileHead({ user, mine }: { user: Profile; mine: boolean }) {
  const t = useText();
  const format = useFormat();
  return (
    <section className="profile-head" aria-label={shownName(user)}>
      <div className="profile-cover" aria-hidden="true" />
      <div className="profile-top">
        <Avatar user={user} size="huge" />
        <div className="row push-right">
          {mine ? (
            <Link to={paths.settings("profile")} className="button">
              {t.profile.edit}
            </Link>
          ) : (
            <FollowButton user={user} />
          )}
          <ProfileMenu user={user} mine={mine} />
        </div>
      </div>
      <p className="profile-name">{shownName(user)}</p>
      <p className="handle">
        @{user.handle}
        {user.is_followed_by && !mine && <span className="badge">{t.profile.followsYou}</span>}
        {user.is_muted && <span className="badge">{t.profile.muted}</span>}
      </p>
      {user.bio && (
        <p className="profile-bio">
          <RichText text={user.bio} />
        </p>
      )}
      {user.created_at && (
        <p className="fine with-icon">
          <Icon name="home" /> {t.profile.joined(format.month(user.created_at))}
        </p>
      )}
      <p className="profile-counts">
        <Link to={paths.user(user.handle, "following")}>
          <b>{format.count(user.following_count ?? 0)}</b> {t.profile.followingList}
        </Link>
        <Link to={paths.user(user.handle, "followers")}>
          <b>{format.count(user.follower_count ?? 0)}</b> {t.profile.followers}
        </Link>
      </p>
    </section>
  );
}
