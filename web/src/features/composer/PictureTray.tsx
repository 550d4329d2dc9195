import { useState, type DragEvent } from "react";
import { useStore } from "../../app/store";
import { Icon } from "../../components/Icon";
import { errorText, useText } from "../../i18n";
import type { Dictionary } from "../../i18n/ko";
import type { Upload, Uploads } from "./uploads";

function stateText(t: Dictionary, upload: Upload): string {
  switch (upload.state) {
    case "queued":
      return t.composer.queued;
    case "preparing":
      return t.composer.preparing;
    case "uploading":
      return `${Math.round(upload.progress * 100)}%`;
    case "processing":
      return t.composer.processing;
    case "failed":
      return upload.error ? errorText(t, upload.error) : t.composer.failed;
    case "ready":
      return t.composer.ready;
  }
}

function shareDone(upload: Upload): number {
  if (upload.state === "ready") return 1;
  if (upload.state === "processing") return 0.95;
  return upload.state === "uploading" ? 0.05 + upload.progress * 0.85 : 0.03;
}

interface PictureProps {
  upload: Upload;
  index: number;
  count: number;
  uploads: Uploads;
  dragged: boolean;
  onDrag: (key: string | undefined) => void;
  onDropHere: () => void;
}

function Picture({ upload, index, count, uploads, dragged, onDrag, onDropHere }: PictureProps) {
  const t = useText();
  const { key, state } = upload;
  const name = t.composer.picture(index + 1);
  const busy = state !== "ready" && state !== "failed";
  const start = (event: DragEvent) => {
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/x-madang-picture", key);
    onDrag(key);
  };
  return (
    <li
      className={`tray-picture ${state}${dragged ? " dragged" : ""}`}
      draggable
      onDragStart={start}
      onDragEnd={() => onDrag(undefined)}
      onDragEnter={onDropHere}
      aria-label={`${name}, ${stateText(t, upload)}`}
    >
      <img src={upload.preview} alt={name} draggable={false} />
      {index === 0 && <span className="tray-cover">{t.composer.cover}</span>}
      {state !== "ready" && (
        <div className="tray-veil">
          {state === "failed" ? (
            <button type="button" className="tray-retry" onClick={() => uploads.retry(key)}>
              <Icon name="retry" />
              {t.action.retry}
            </button>
          ) : (
            <progress
              value={shareDone(upload)}
              max={1}
              aria-label={`${name}: ${stateText(t, upload)}`}
            />
          )}
          <span className="tray-state">{stateText(t, upload)}</span>
        </div>
      )}
      <button
        type="button"
        className="tray-button remove"
        aria-label={`${busy ? t.composer.cancelUpload : t.composer.removePicture}: ${name}`}
        onClick={() => uploads.remove(key)}
      >
        <Icon name="close" />
      </button>
      {count > 1 && (
        <div className="tray-moves">
          <button
            type="button"
            className="tray-button"
            disabled={index === 0}
            aria-label={`${t.composer.earlier}: ${name}`}
            onClick={() => uploads.move(key, index - 1)}
          >
            <Icon name="left" />
          </button>
          <button
            type="button"
            className="tray-button"
            disabled={index === count - 1}
            aria-label={`${t.composer.later}: ${name}`}
            onClick={() => uploads.move(key, index + 1)}
          >
            <Icon name="right" />
          </button>
        </div>
      )}
    </li>
  );
}

export function PictureTray({ uploads }: { uploads: Uploads }) {
  const items = useStore(uploads.items);
  const [dragged, setDragged] = useState<string>();
  if (items.length === 0) return null;
  return (
    <ul className="tray">
      {items.map((upload, index) => (
        <Picture
          key={upload.key}
          upload={upload}
          index={index}
          count={items.length}
          uploads={uploads}
          dragged={dragged === upload.key}
          onDrag={setDragged}
          onDropHere={() => dragged && dragged !== upload.key && uploads.move(dragged, index)}
        />
      ))}
    </ul>
  );
}
