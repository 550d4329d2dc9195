import { useState, type CSSProperties } from "react";
import type { PostMedia } from "../../api/types";
import { show } from "../../app/ui";
import { Icon } from "../../components/Icon";
import { useText } from "../../i18n";
import { useTaps } from "./useTaps";

// The server's smaller versions, so that a phone does not load a desktop's picture. One format a
// set: a browser that reads this page reads WebP.
export function srcSetOf(media: PostMedia): string | undefined {
  const variants = media.variants ?? [];
  const webp = variants.filter((variant) => variant.content_type === "image/webp");
  const chosen = webp.length > 0 ? webp : variants;
  if (chosen.length === 0) return undefined;
  return chosen.map((variant) => `${variant.url} ${variant.width}w`).join(", ");
}

const narrowest = 4 / 5;
const widest = 1.91;
const mostInFeed = 5;

interface PicturesProps {
  media: PostMedia[];
  by: string;
  whole?: boolean;
  eager?: boolean;
  // Two taps on a picture. There is a button for everybody else.
  onLike?: () => void;
}

// One picture keeps its shape, within reason; more make a grid of squares. The room is known before
// the bytes arrive, so nothing jumps.
export function Pictures({ media, by, whole = false, eager = false, onLike }: PicturesProps) {
  const t = useText();
  const [burst, setBurst] = useState<{ index: number; count: number }>();
  const open = (index: number) => show({ kind: "pictures", media, index, by });
  const tap = useTaps(open, (index) => {
    if (!onLike) return open(index);
    onLike();
    setBurst((before) => ({ index, count: (before?.count ?? 0) + 1 }));
  });
  const shown = whole ? media : media.slice(0, mostInFeed);
  const hidden = media.length - shown.length;
  const first = media[0];
  if (!first) return null;
  const single = media.length === 1;
  const shape = Math.min(Math.max((first.width || 1) / (first.height || 1), narrowest), widest);
  const style = single ? ({ aspectRatio: shape } as CSSProperties) : undefined;
  return (
    <div className={`pictures count-${Math.min(shown.length, 6)}`} style={style}>
      {shown.map((picture, index) => (
        <button
          key={picture.id}
          type="button"
          className="picture"
          aria-label={`${t.post.openPicture}: ${t.post.picture(by, index + 1, media.length)}`}
          onClick={(event) => (onLike ? tap(index, event.detail === 0) : open(index))}
        >
          <img
            src={picture.url}
            srcSet={srcSetOf(picture)}
            sizes={
              single || index === 0
                ? "(min-width: 700px) 600px, 100vw"
                : "(min-width: 700px) 300px, 50vw"
            }
            width={picture.width}
            height={picture.height}
            alt={t.post.picture(by, index + 1, media.length)}
            loading={eager ? "eager" : "lazy"}
            decoding="async"
          />
          {burst?.index === index && (
            <span
              key={burst.count}
              className="picture-heart"
              aria-hidden="true"
              onAnimationEnd={() => setBurst(undefined)}
            >
              <Icon name="heart" filled />
            </span>
          )}
          {hidden > 0 && index === shown.length - 1 && (
            <span className="picture-more">+{hidden}</span>
          )}
        </button>
      ))}
    </div>
  );
}
