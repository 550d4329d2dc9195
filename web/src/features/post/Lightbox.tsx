import { useEffect, useRef, useState } from "react";
import type { PostMedia } from "../../api/types";
import { Icon } from "../../components/Icon";
import { useText } from "../../i18n";
import { srcSetOf } from "./Pictures";

interface LightboxProps {
  media: PostMedia[];
  index: number;
  by: string;
  onClose: () => void;
}

// Pictures in a row that snaps: a finger swipes it, arrows and buttons scroll it.
export function Lightbox({ media, index, by, onClose }: LightboxProps) {
  const t = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const track = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(index);

  const goTo = (to: number, behavior: ScrollBehavior = "smooth") => {
    const row = track.current!;
    row.scrollTo({ left: Math.min(Math.max(to, 0), media.length - 1) * row.clientWidth, behavior });
  };

  useEffect(() => {
    const box = dialog.current!;
    const before = document.activeElement as HTMLElement | null;
    box.showModal();
    goTo(index, "instant");
    return () => {
      box.close();
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
    // Only once: the first picture is where it was opened.
  }, []);

  return (
    <dialog
      ref={dialog}
      className="lightbox"
      aria-label={t.post.pictures}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => {
        if (event.key === "ArrowRight") goTo(at + 1);
        else if (event.key === "ArrowLeft") goTo(at - 1);
        else return;
        event.preventDefault();
      }}
    >
      <div
        ref={track}
        className="lightbox-track"
        tabIndex={-1}
        onScroll={(event) => {
          const row = event.currentTarget;
          setAt(Math.round(row.scrollLeft / Math.max(row.clientWidth, 1)));
        }}
        onClick={(event) => (event.target as HTMLElement).tagName !== "IMG" && onClose()}
      >
        {media.map((picture, position) => (
          <div key={picture.id} className="lightbox-slide" aria-hidden={position !== at}>
            <img
              src={picture.url}
              srcSet={srcSetOf(picture)}
              sizes="100vw"
              width={picture.width}
              height={picture.height}
              alt={t.post.picture(by, position + 1, media.length)}
              loading={Math.abs(position - at) <= 1 ? "eager" : "lazy"}
              decoding="async"
            />
          </div>
        ))}
      </div>
      <button
        type="button"
        className="lightbox-button close"
        aria-label={t.action.close}
        onClick={onClose}
      >
        <Icon name="close" />
      </button>
      {media.length > 1 && (
        <>
          <button
            type="button"
            className="lightbox-button left"
            aria-label={t.post.previous}
            disabled={at === 0}
            onClick={() => goTo(at - 1)}
          >
            <Icon name="left" />
          </button>
          <button
            type="button"
            className="lightbox-button right"
            aria-label={t.post.next}
            disabled={at === media.length - 1}
            onClick={() => goTo(at + 1)}
          >
            <Icon name="right" />
          </button>
          <p className="lightbox-count" aria-live="polite">
            {at + 1} / {media.length}
          </p>
        </>
      )}
    </dialog>
  );
}
