import { memo, type MouseEvent } from "react";
import { usePost } from "../../app/entities";
import { Link, navigate, paths } from "../../app/router";
import { Avatar, AvatarLink, shownName } from "../../components/Avatar";
import { Icon } from "../../components/Icon";
import { RichText } from "../../components/RichText";
import { Time } from "../../components/Time";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { toggleLike } from "./actions";
import { Pictures } from "./Pictures";
import { PostMenu } from "./PostMenu";

interface PostCardProps {
  id: number;
  unseen?: boolean;
  rank?: number;
  whole?: boolean;
  eager?: boolean;
  onDeleted?: () => void;
}

const longText = 320;
const manyLines = 8;

function isLong(text: string): boolean {
  return text.length > longText || text.split("\n").length > manyLines;
}

// A press on the card's plain surface opens the post; selecting text or pressing a control does not.
function openFromSurface(event: MouseEvent<HTMLElement>, id: number): void {
  const target = event.target as HTMLElement;
  if (target.closest("a, button, input, textarea, [role=menu], dialog")) return;
  if (window.getSelection()?.toString()) return;
  navigate(paths.post(id));
}

export const PostCard = memo(function PostCard(props: PostCardProps) {
  const { id, unseen = false, rank, whole = false, eager = false, onDeleted } = props;
  const t = useText();
  const format = useFormat();
  const post = usePost(id);
  if (!post) return null;
  const by = shownName(post.author);
  const clamped = !whole && isLong(post.text);
  return (
    <article
      className={whole ? "post whole" : "post"}
      tabIndex={whole ? undefined : -1}
      data-post={id}
      aria-labelledby={`by-${id}`}
      onClick={whole ? undefined : (event) => openFromSurface(event, id)}
    >
      <header className="post-head">
        {rank !== undefined && (
          <span className={rank <= 3 ? "rank top" : "rank"} aria-label={t.ranking.rank(rank)}>
            {rank}
          </span>
        )}
        <AvatarLink user={post.author} />
        <div className="post-by">
          <Link to={paths.user(post.author.handle)} className="name" id={`by-${id}`}>
            {by}
          </Link>
          <span className="post-meta">
            <span className="handle">@{post.author.handle}</span>
            <span aria-hidden="true">·</span>
            <Link to={paths.post(id)} className="quiet">
              <Time at={post.created_at} />
            </Link>
            {post.edited_at && <span>· {t.post.edited}</span>}
            {unseen && <span className="unseen" role="img" aria-label={t.feed.unseen} />}
          </span>
        </div>
        <PostMenu post={post} onDeleted={onDeleted} />
      </header>
      <p className={clamped ? "post-text clamped" : "post-text"}>
        <RichText text={post.text} />
      </p>
      {clamped && (
        <Link to={paths.post(id)} className="read-more">
          {t.action.readMore}
        </Link>
      )}
      <Pictures
        media={post.media}
        by={by}
        whole={whole}
        eager={eager || whole}
        onLike={() => post.liked || toggleLike(id)}
      />
      <footer className="post-actions">
        <button
          type="button"
          className={post.liked ? "action like on" : "action like"}
          aria-pressed={post.liked}
          aria-label={`${post.liked ? t.post.unlike : t.post.like}, ${t.post.likes(format.count(post.like_count))}`}
          onClick={() => toggleLike(id)}
        >
          <Icon name="heart" filled={post.liked} />
          <span className="number">{format.count(post.like_count)}</span>
        </button>
        <Link
          to={`${paths.post(id)}#comments`}
          className="action"
          aria-label={t.post.comments(format.count(post.comment_count))}
        >
          <Icon name="comment" />
          <span className="number">{format.count(post.comment_count)}</span>
        </Link>
      </footer>
    </article>
  );
});

// A small picture-first tile for grids.
export function PostTile({ id }: { id: number }) {
  const t = useText();
  const format = useFormat();
  const post = usePost(id);
  if (!post) return null;
  const cover = post.media[0];
  const small = cover?.variants
    ?.filter((one) => one.width >= 300)
    .sort((a, b) => a.width - b.width)[0];
  return (
    <Link
      to={paths.post(id)}
      className={cover ? "tile" : "tile text"}
      aria-label={`${t.post.titleBy(shownName(post.author))}: ${post.text.slice(0, 80)}`}
    >
      {cover ? (
        <img
          src={small?.url ?? cover.url}
          alt=""
          width={cover.width}
          height={cover.height}
          loading="lazy"
          decoding="async"
        />
      ) : (
        <span className="tile-text">{post.text}</span>
      )}
      {post.media.length > 1 && <span className="tile-count">{post.media.length}</span>}
      <span className="tile-likes" aria-hidden="true">
        <Icon name="heart" filled /> {format.count(post.like_count)}
      </span>
    </Link>
  );
}

// One line for the side column.
export function PostLine({ id, rank }: { id: number; rank: number }) {
  const format = useFormat();
  const post = usePost(id);
  if (!post) return null;
  const cover = post.media[0];
  const small = cover?.variants?.slice().sort((a, b) => a.width - b.width)[0];
  return (
    <Link to={paths.post(id)} className="post-line">
      <span className="post-line-rank">{rank}</span>
      <span className="grow">
        <span className="post-line-text">{post.text}</span>
        <span className="post-line-by">
          {shownName(post.author)} · <Icon name="heart" filled /> {format.count(post.like_count)}
        </span>
      </span>
      {cover ? (
        <img src={small?.url ?? cover.url} alt="" width={52} height={52} loading="lazy" />
      ) : (
        <Avatar user={post.author} size="small" />
      )}
    </Link>
  );
}
