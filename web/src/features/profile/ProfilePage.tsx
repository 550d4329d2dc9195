import { useEffect, useState } from "react";
import { asApiError, type ApiError } from "../../api/problem";
import { readMyLikes, readProfile, readUserPosts } from "../../api/social";
import type { Profile, UserCard } from "../../api/types";
import { connection } from "../../app/connection";
import { keepPerson, people, usePerson } from "../../app/entities";
import { isAbort } from "../../app/failures";
import { useList } from "../../app/lists";
import { PageHead } from "../../app/PageHead";
import { idItself, postIds } from "../../app/postLists";
import { Link, paths, useTitle } from "../../app/router";
import { useMe } from "../../app/session";
import { recall, remember } from "../../app/storage";
import { shownName } from "../../components/Avatar";
import { Icon } from "../../components/Icon";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, Failed, Loading, PersonSkeleton, PostSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { rememberVisit } from "../people/recent";
import { PostCard, PostTile } from "../post/PostCard";
import { PeopleList } from "./PeopleList";
import { ProfileHead } from "./ProfileHead";

export type ProfileTab = "" | "likes" | "followers" | "following";
type Shape = "list" | "grid";

interface PostsProps {
  listKey: string;
  fetchPage: ReturnType<typeof postIds>;
  shape: Shape;
  emptyTitle: string;
}

function Posts({ listKey, fetchPage, shape, emptyTitle }: PostsProps) {
  const [state, list] = useList(listKey, fetchPage, idItself);
  return (
    <InfiniteList
      state={state}
      list={list}
      keyOf={idItself}
      className={shape === "grid" ? "tiles" : "feed"}
      skeleton={
        shape === "grid" ? (
          <div className="tiles">
            {[0, 1, 2, 3, 4, 5].map((n) => (
              <span key={n} className="bone tile" />
            ))}
          </div>
        ) : (
          <PostSkeleton picture />
        )
      }
      empty={<Empty icon="image" title={emptyTitle} />}
    >
      {(id, index) =>
        shape === "grid" ? <PostTile id={id} /> : <PostCard id={id} eager={index < 2} />
      }
    </InfiniteList>
  );
}

function Tabs({
  user,
  tab,
  mine,
  shape,
  onShape,
}: {
  user: UserCard;
  tab: ProfileTab;
  mine: boolean;
  shape: Shape;
  onShape: (shape: Shape) => void;
}) {
  const t = useText();
  const entry = (to: ProfileTab, label: string) => (
    <Link
      to={paths.user(user.handle, to)}
      className="tab"
      aria-current={tab === to ? "page" : undefined}
    >
      {label}
    </Link>
  );
  const next: Shape = shape === "grid" ? "list" : "grid";
  return (
    <nav className="tabs" aria-label={shownName(user)}>
      {entry("", t.profile.posts)}
      {mine && entry("likes", t.profile.likes)}
      <button
        type="button"
        className="icon-button push-right"
        aria-label={next === "grid" ? t.profile.grid : t.profile.list}
        title={next === "grid" ? t.profile.grid : t.profile.list}
        onClick={() => onShape(next)}
      >
        <Icon name={next} />
      </button>
    </nav>
  );
}

function useProfile(handle: string) {
  const [found, setFound] = useState<number | undefined>(
    () =>
      people.find(
        (one) => one.handle.toLowerCase() === handle.toLowerCase() && one.post_count !== undefined,
      )?.id,
  );
  const [error, setError] = useState<ApiError>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    const own = new AbortController();
    setError(undefined);
    readProfile(handle, own.signal)
      .then((profile) => {
        setFound(keepPerson(profile).id);
        rememberVisit(profile);
      })
      .catch((caught) => !isAbort(caught) && setError(asApiError(caught)));
    return () => own.abort();
  }, [handle, round]);
  useEffect(() => connection.onReturn(() => setRound((now) => now + 1)), []);
  return { id: found, error, retry: () => setRound(round + 1) };
}

function storedShape(): Shape {
  return recall("shape") === "grid" ? "grid" : "list";
}

export function ProfilePage({ handle, tab }: { handle: string; tab: ProfileTab }) {
  const t = useText();
  const format = useFormat();
  const me = useMe();
  const { id, error, retry } = useProfile(handle);
  const user = usePerson(id ?? -1) as Profile | null | undefined;
  const [shape, setShape] = useState<Shape>(storedShape);
  useTitle(user ? shownName(user) : `@${handle}`);

  if (error && (error.status === 404 || !user)) {
    return (
      <>
        <PageHead title={`@${handle}`} back />
        {error.status === 404 ? (
          <Empty icon="person" title={t.profile.goneTitle} text={t.profile.goneText} />
        ) : (
          <Failed error={error} onRetry={retry} />
        )}
      </>
    );
  }
  if (!user) {
    return (
      <>
        <PageHead title={`@${handle}`} back />
        <Loading>
          <PersonSkeleton />
          <PostSkeleton picture />
        </Loading>
      </>
    );
  }
  const mine = me?.id === user.id;
  if (tab === "followers" || tab === "following") {
    const title = tab === "followers" ? t.profile.followers : t.profile.followingList;
    return (
      <>
        <PageHead title={`${shownName(user)} · ${title}`} back />
        <PeopleList key={tab} user={user} kind={tab} />
      </>
    );
  }
  const changeShape = (value: Shape) => {
    setShape(value);
    remember("shape", value);
  };
  return (
    <>
      <PageHead title={shownName(user)} back={!mine}>
        <span className="fine push-right">
          {t.profile.posts} {format.count(user.post_count ?? 0)}
        </span>
      </PageHead>
      <ProfileHead user={user} mine={mine} />
      {user.is_blocked ? (
        <Empty icon="block" title={t.profile.blocked} />
      ) : (
        <>
          <Tabs user={user} tab={tab} mine={mine} shape={shape} onShape={changeShape} />
          {tab === "likes" && mine ? (
            <Posts
              key="likes"
              listKey="likes"
              fetchPage={postIds(readMyLikes)}
              shape={shape}
              emptyTitle={t.profile.noLikes}
            />
          ) : (
            <Posts
              key={user.id}
              listKey={`posts/${user.id}`}
              fetchPage={postIds(readUserPosts(user.id))}
              shape={shape}
              emptyTitle={mine ? t.profile.noPostsMine : t.profile.noPosts}
            />
          )}
        </>
      )}
    </>
  );
}
