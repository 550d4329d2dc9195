import { useEffect } from "react";
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
import { arrivalCount, unread } from "./unread";

const fetchNotifications: FetchPage<Notification> = async (cursor, signal) => {
  const page = await readNotifications(cursor, signal);
  unread.set(page.unread);
  return page;
};

const keyOf = (one: Notification) => one.id;

const icons: Record<Notification["type"], IconName> = {
  follow: "person",
  like: "heart",
  comment: "comment",
};

function Row({ one }: { one: Notification }) {
  const t = useText();
  const to = one.post ? paths.post(one.post.id) : paths.user(one.actor.handle);
  return (
    <Link
      to={one.comment_id ? `${to}#comments` : to}
      className={one.read ? "notification" : "notification unread"}
    >
      <span className="notification-face">
        <Avatar user={one.actor} />
        <span className={`notification-kind ${one.type}`}>
          <Icon name={icons[one.type] ?? "bell"} filled={one.type === "like"} />
        </span>
      </span>
      <span className="grow">
        <span className="notification-text">
          <b>{t.notifications.others(shownName(one.actor), one.actor_count - 1)}</b>
          {t.notifications[one.type] ?? t.notifications.other}
        </span>
        {one.post?.text && <span className="notification-quote">{one.post.text}</span>}
        <span className="fine">
          <Time at={one.created_at} />
        </span>
      </span>
      {!one.read && <span className="unseen" aria-hidden="true" />}
    </Link>
  );
}

const settleMs = 300;

async function markSeen(list: PagedList<Notification>): Promise<void> {
  const ids = list.state.get().items.map((one) => one.id);
  if (ids.length === 0 || unread.get() === 0) return;
  await markRead(Math.max(...ids));
  list.update((items) => items.map((one) => ({ ...one, read: true })));
  unread.set(0);
}

export function NotificationsPage() {
  const t = useText();
  useTitle(t.notifications.title);
  const [state, list] = useList("notifications", fetchNotifications, keyOf);
  const count = useStore(unread);
  const arrived = useStore(arrivalCount);

  // Something arrived while the page is open: read it in, once for several in a row.
  useEffect(() => {
    if (list.state.get().status !== "ready") return undefined;
    const timer = setTimeout(() => void list.load(), settleMs);
    return () => clearTimeout(timer);
  }, [arrived, list]);

  // Who leaves the page has seen what stood there.
  useEffect(() => () => void markSeen(list).catch(() => {}), [list]);

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
        state={state}
        list={list}
        keyOf={keyOf}
        skeleton={
          <>
            <PersonSkeleton />
            <PersonSkeleton />
          </>
        }
        empty={<Empty icon="bell" title={t.notifications.empty} text={t.notifications.emptyText} />}
      >
        {(one) => <Row one={one} />}
      </InfiniteList>
    </>
  );
}
