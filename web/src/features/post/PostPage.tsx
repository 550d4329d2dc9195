import { useEffect, useState } from "react";
import { asApiError, type ApiError } from "../../api/problem";
import { readPost } from "../../api/social";
import { connection } from "../../app/connection";
import { keepPost, posts, usePost } from "../../app/entities";
import { isAbort } from "../../app/failures";
import { navigate, paths, useTitle } from "../../app/router";
import { PageHead } from "../../app/PageHead";
import { shownName } from "../../components/Avatar";
import { Empty, Failed, Loading, PostSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { Comments } from "./Comments";
import { PostCard } from "./PostCard";

export function PostPage({ id }: { id: number }) {
  const t = useText();
  const post = usePost(id);
  const [error, setError] = useState<ApiError>();
  const [round, setRound] = useState(0);
  useTitle(post ? t.post.titleBy(shownName(post.author)) : t.post.title);

  useEffect(() => {
    const own = new AbortController();
    setError(undefined);
    readPost(id, own.signal)
      .then(keepPost)
      .catch((caught) => {
        if (isAbort(caught)) return;
        const problem = asApiError(caught);
        if (problem.status === 404) posts.remove(id);
        setError(problem);
      });
    return () => own.abort();
  }, [id, round]);

  useEffect(() => connection.onReturn(() => setRound((now) => now + 1)), []);

  const gone = post === null || error?.status === 404;
  return (
    <>
      <PageHead title={t.post.title} back />
      {gone ? (
        <Empty icon="home" title={t.post.gone} text={t.post.goneText}>
          <button type="button" className="button" onClick={() => navigate(paths.home)}>
            {t.state.goHome}
          </button>
        </Empty>
      ) : post ? (
        <>
          <PostCard id={id} whole onDeleted={() => history.back()} />
          <Comments post={post} />
        </>
      ) : error ? (
        <Failed error={error} onRetry={() => setRound(round + 1)} />
      ) : (
        <Loading>
          <PostSkeleton picture />
        </Loading>
      )}
    </>
  );
}
