import type { CSSProperties } from "react";
import type { PostMedia } from "../../api/types";
import { show } from "../../app/ui";
import { useText } from "../../i18n";

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
}

// One picture keeps its shape, within reason; more make a grid of squares. The room is known before
// the bytes arrive, so nothing jumps.
export function Pictures({ media, by, whole = false, eager = false }: PicturesProps) {
  const t = useText();
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
          onClick={() => show({ kind: "pictures", media, index, by })}
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
          {hidden > 0 && index === shown.length - 1 && (
            <span className="picture-more">+{hidden}</span>
          )}
        </button>
      ))}
    </div>
  );
}
