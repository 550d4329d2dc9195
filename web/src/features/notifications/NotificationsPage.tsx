import { useEffect, useMemo } from "react";
import { markRead, readNotifications } from "../../api/social";
import type { Notification } from "../../api/types";
import { toastFailure } from "../../app/failures";
import { useList, type FetchPage, type PagedList } from "../../app/lists";
import { PageHead } from "../../app/PageHead";
import { Link, paths, useTitle } from "../../app/router";
import { useStore } from "../../app/store";
import { Avatar, shownName } from "../../components/Avatar";
import { Icon, type IconName } from "../../components/Icon";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { Time } from "../../components/Time";
import { useText } from "../../i18n";
import type { Dictionary } from "../../i18n/ko";
import { groupNotifications, type Group } from "./group";
import { unread } from "./unread";

const fetchNotifications: FetchPage<Notification> = async (cursor, signal) => {
  const page = await readNotifications(cursor, signal);
  unread.set(page.unread);
  return page;
};

const keyOf = (one: Notification) => one.id;

const icons: Record<string, IconName> = { follow: "person", like: "heart", comment: "comment" };

function sentence(t: Dictionary, type: string): string {
  const known: Record<string, string> = {
    follow: t.notifications.follow,
    like: t.notifications.like,
    comment: t.notifications.comment,
  };
  return known[type] ?? t.notifications.other;
}

const shownFaces = 4;

function Row({ group }: { group: Group }) {
  const t = useText();
  const { first, all, others } = group;
  const to = first.post ? paths.post(first.post.id) : paths.user(first.actor.handle);
  const faces = [...new Map(all.map((one) => [one.actor.id, one.actor])).values()];
  return (
    <Link to={to} className={group.read ? "notification" : "notification unread"}>
      <span className={`notification-kind ${first.type}`}>
        <Icon name={icons[first.type] ?? "bell"} filled={first.type === "like"} />
      </span>
      <span className="grow">
        <span className="faces">
          {faces.slice(0, shownFaces).map((actor) => (
            <Avatar key={actor.id} user={actor} size="small" />
          ))}
        </span>
        <span className="notification-text">
          <b>{t.notifications.others(shownName(first.actor), others)}</b>
          {sentence(t, first.type)}
        </span>
        {first.post?.text && <span className="notification-quote">{first.post.text}</span>}
        <span className="fine">
          <Time at={first.created_at} />
        </span>
      </span>
      {!group.read && <span className="unseen" aria-hidden="true" />}
    </Link>
  );
}

async function markSeen(list: PagedList<Notification>): Promise<void> {
  const newest = list.state.get().items[0];
  if (!newest || unread.get() === 0) return;
  await markRead(newest.id);
  list.update((items) => items.map((one) => ({ ...one, read: true })));
  unread.set(0);
}

export function NotificationsPage() {
  const t = useText();
  useTitle(t.notifications.title);
  const [state, list] = useList("notifications", fetchNotifications, keyOf);
  const count = useStore(unread);
  // Something arrived while the page is open: read it in.
  useEffect(() => {
    const known = state.items.filter((one) => !one.read).length;
    if (state.status === "ready" && count > known) void list.load();
  }, [count]);

  // Who leaves the page has seen what stood there.
  useEffect(() => () => void markSeen(list).catch(() => {}), [list]);

  const groups = useMemo(() => groupNotifications(state.items), [state.items]);
  return (
    <>
      <PageHead title={t.notifications.title}>
        {count > 0 && (
          <button
            type="button"
            className="button ghost small push-right"
            onClick={() => void markSeen(list).catch(toastFailure)}
          >
            <Icon name="check" />
            {t.notifications.readAll}
          </button>
        )}
      </PageHead>
      <InfiniteList
        state={{ ...state, items: groups }}
        list={list}
        keyOf={(group) => group.first.id}
        skeleton={
          <>
            <PersonSkeleton />
            <PersonSkeleton />
          </>
        }
        empty={<Empty icon="bell" title={t.notifications.empty} text={t.notifications.emptyText} />}
      >
        {(group) => <Row group={group} />}
      </InfiniteList>
    </>
  );
}
