import { readRanking } from "../../api/social";
import { useList } from "../../app/lists";
import { PageHead } from "../../app/PageHead";
import { idItself, postIds } from "../../app/postLists";
import { useTitle } from "../../app/router";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PostSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { PostCard, PostLine } from "../post/PostCard";

const fetchRanking = postIds(readRanking);

export function RankingPage() {
  const t = useText();
  useTitle(t.ranking.title);
  const [state, list] = useList("ranking", fetchRanking, idItself);
  return (
    <>
      <PageHead title={t.ranking.title} />
      <p className="page-lead">{t.ranking.text}</p>
      <InfiniteList
        state={state}
        list={list}
        keyOf={idItself}
        className="feed"
        skeleton={<PostSkeleton picture />}
        empty={<Empty icon="ranking" title={t.ranking.empty} />}
      >
        {(id, index) => <PostCard id={id} rank={index + 1} eager={index < 2} />}
      </InfiniteList>
    </>
  );
}

const shownInColumn = 5;

export function TopPosts() {
  const t = useText();
  const [state] = useList("ranking", fetchRanking, idItself);
  if (state.items.length === 0) return null;
  return (
    <section className="aside-box" aria-label={t.welcome.thisWeek}>
      <h2>{t.welcome.thisWeek}</h2>
      {state.items.slice(0, shownInColumn).map((id, index) => (
        <PostLine key={id} id={id} rank={index + 1} />
      ))}
    </section>
  );
}
