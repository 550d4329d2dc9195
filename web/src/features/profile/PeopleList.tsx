import { readFollowers, readFollowing } from "../../api/social";
import type { UserCard } from "../../api/types";
import { keepPerson } from "../../app/entities";
import { useList, type FetchPage } from "../../app/lists";
import { Link, paths } from "../../app/router";
import { AvatarLink, shownName } from "../../components/Avatar";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { FollowButton } from "./FollowButton";

export function PersonRow({ user }: { user: UserCard & { bio?: string } }) {
  return (
    <article className="person-row">
      <AvatarLink user={user} />
      <div className="grow">
        <Link to={paths.user(user.handle)} className="name">
          {shownName(user)}
        </Link>
        <p className="handle">@{user.handle}</p>
        {user.bio && <p className="person-bio">{user.bio}</p>}
      </div>
      <FollowButton user={user} small />
    </article>
  );
}

export function keepPeople(fetchPage: FetchPage<UserCard>): FetchPage<UserCard> {
  return async (cursor, signal) => {
    const page = await fetchPage(cursor, signal);
    page.items.forEach(keepPerson);
    return page;
  };
}

export const personKey = (user: UserCard) => user.id;

export function PeopleList({ user, kind }: { user: UserCard; kind: "followers" | "following" }) {
  const t = useText();
  const read = kind === "followers" ? readFollowers(user.id) : readFollowing(user.id);
  const [state, list] = useList(`${kind}/${user.id}`, keepPeople(read), personKey);
  return (
    <InfiniteList
      state={state}
      list={list}
      keyOf={personKey}
      skeleton={<PersonSkeleton />}
      empty={
        <Empty
          icon="person"
          title={kind === "followers" ? t.profile.noFollowers : t.profile.noFollowing}
        />
      }
    >
      {(one) => <PersonRow user={one} />}
    </InfiniteList>
  );
}
