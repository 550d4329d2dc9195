import { useEffect, type ReactNode } from "react";
import { usePost } from "../../app/entities";
import { toastFailure } from "../../app/failures";
import { useList } from "../../app/lists";
import type { FeedRow } from "../../app/postLists";
import { Link, paths, placeKind, useTitle } from "../../app/router";
import { useMe } from "../../app/session";
import { useStore } from "../../app/store";
import { show } from "../../app/ui";
import { Avatar } from "../../components/Avatar";
import { Icon } from "../../components/Icon";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PostSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { PageHead } from "../../app/PageHead";
import { PostCard } from "../post/PostCard";
import {
  arrivals,
  feedFetch,
  feedIsShown,
  feedKey,
  feedKeyOf,
  forgetArrivals,
  showArrivals,
} from "./feed";

function ArrivalPill() {
  const t = useText();
  const format = useFormat();
  const { count, many } = useStore(arrivals);
  if (count === 0) return null;
  const load = () => {
    window.scrollTo({ top: 0, behavior: "smooth" });
    showArrivals().catch(toastFailure);
  };
  return (
    <div className="pill-place">
      <button type="button" className="pill" onClick={load}>
        <Icon name="up" />
        {t.feed.newPosts(format.count(count) + (many ? "+" : ""))}
      </button>
    </div>
  );
}

function Prompt() {
  const t = useText();
  const me = useMe();
  if (!me) return null;
  return (
    <div className="prompt">
      <Avatar user={me} />
      <button type="button" className="prompt-text" onClick={() => show({ kind: "composer" })}>
        {t.feed.prompt}
      </button>
      <button
        type="button"
        className="icon-button accent"
        aria-label={t.composer.addPictures}
        onClick={() => show({ kind: "composer" })}
      >
        <Icon name="image" />
      </button>
    </div>
  );
}

function Divider({ children }: { children: ReactNode }) {
  return (
    <div className="divider" role="separator">
      <span>{children}</span>
    </div>
  );
}

// Where the new ends, and where the archive begins.
function dividerBefore(rows: FeedRow[], index: number): "archive" | "seen" | undefined {
  const row = rows[index]!;
  const before = rows[index - 1];
  if (!before) return undefined;
  if (row.source === "archive" && before.source === "live") return "archive";
  const firstSeen = rows.findIndex((one) => one.seen);
  return index === firstSeen && row.source === "live" && !before.seen ? "seen" : undefined;
}

function FeedEntry({ row, eager }: { row: FeedRow; eager: boolean }) {
  const post = usePost(row.id);
  return post ? <PostCard id={row.id} unseen={!row.seen} eager={eager} /> : null;
}

const eagerPosts = 2;

export function FeedPage() {
  const t = useText();
  useTitle(t.feed.title);
  const [state, list] = useList(feedKey, feedFetch, feedKeyOf);

  useEffect(() => {
    feedIsShown(true);
    if (placeKind() !== "back") forgetArrivals();
    return () => feedIsShown(false);
  }, []);

  return (
    <>
      <PageHead title={t.feed.title} home />
      <ArrivalPill />
      <Prompt />
      <InfiniteList
        state={state}
        list={list}
        keyOf={feedKeyOf}
        className="feed"
        skeleton={
          <>
            <PostSkeleton picture />
            <PostSkeleton />
          </>
        }
        empty={
          <Empty icon="home" title={t.feed.emptyTitle} text={t.feed.emptyText}>
            <Link to={paths.search()} className="button primary">
              {t.feed.findPeople}
            </Link>
            <button type="button" className="button" onClick={() => show({ kind: "composer" })}>
              {t.feed.firstPost}
            </button>
          </Empty>
        }
        end={<p className="list-end">{t.feed.end}</p>}
      >
        {(row, index) => {
          const divider = dividerBefore(state.items, index);
          return (
            <>
              {divider && (
                <Divider>{divider === "archive" ? t.feed.archive : t.feed.seenAbove}</Divider>
              )}
              <FeedEntry row={row} eager={index < eagerPosts} />
            </>
          );
        }}
      </InfiniteList>
    </>
  );
}
