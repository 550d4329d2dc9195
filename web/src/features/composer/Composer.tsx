import { useEffect, useRef, useState, type ClipboardEvent, type DragEvent } from "react";
import { newKey } from "../../api/client";
import { asApiError, type ApiError } from "../../api/problem";
import { createPost } from "../../api/social";
import { connection } from "../../app/connection";
import { navigate, paths } from "../../app/router";
import { useMe } from "../../app/session";
import { recall, remember } from "../../app/storage";
import { useStore } from "../../app/store";
import { toast } from "../../app/toasts";
import { closeDialog } from "../../app/ui";
import { Avatar } from "../../components/Avatar";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { errorText, fieldText, textNow, useText } from "../../i18n";
import { addOwnPost } from "../feed/feed";
import { Counter, lengthOf, longestPost, TextArea } from "./TextArea";
import { PictureTray } from "./PictureTray";
import { mostPictures, Uploads } from "./uploads";

const draftName = "draft";

function PictureButtons({ onFiles, full }: { onFiles: (files: FileList) => void; full: boolean }) {
  const t = useText();
  const pick = useRef<HTMLInputElement>(null);
  const shoot = useRef<HTMLInputElement>(null);
  const input = (ref: typeof pick, name: string, camera: boolean) => (
    <input
      ref={ref}
      type="file"
      name={name}
      accept="image/*"
      multiple={!camera}
      capture={camera ? "environment" : undefined}
      hidden
      onChange={(event) => {
        if (event.target.files) onFiles(event.target.files);
        event.target.value = "";
      }}
    />
  );
  return (
    <>
      {input(pick, "pictures", false)}
      {input(shoot, "camera", true)}
      <button
        type="button"
        className="button ghost"
        disabled={full}
        onClick={() => pick.current?.click()}
      >
        <Icon name="image" />
        {t.composer.addPictures}
      </button>
      <button
        type="button"
        className="icon-button accent touch-only"
        disabled={full}
        aria-label={t.composer.takePicture}
        onClick={() => shoot.current?.click()}
      >
        <Icon name="camera" />
      </button>
    </>
  );
}

function Leaving({ onKeep }: { onKeep: () => void }) {
  const t = useText();
  return (
    <div className="leaving" role="alert">
      <div className="grow">
        <p className="name">{t.composer.discardTitle}</p>
        <p className="fine">{t.composer.discardText}</p>
      </div>
      <div className="row">
        <button type="button" className="button small" onClick={onKeep}>
          {t.composer.keep}
        </button>
        <button type="button" className="button danger small" onClick={closeDialog}>
          {t.composer.discard}
        </button>
      </div>
    </div>
  );
}

function usePublish(uploads: Uploads, text: string, onDone: () => void) {
  const [step, setStep] = useState<"idle" | "waiting" | "sending">("idle");
  const [error, setError] = useState<ApiError>();
  // The same key for every attempt at the same content.
  const key = useRef({ content: "", key: newKey() });
  const publish = async () => {
    setError(undefined);
    setStep("waiting");
    await uploads.settled();
    const items = uploads.items.get();
    if (items.some((item) => item.state === "failed")) return setStep("idle");
    const media = items.map((item) => item.mediaId!);
    const content = JSON.stringify([text, media]);
    if (key.current.content !== content) key.current = { content, key: newKey() };
    setStep("sending");
    try {
      const made = await createPost({ text: text.trim(), media }, key.current.key);
      addOwnPost(made);
      onDone();
      const see = { label: textNow().composer.see, run: () => navigate(paths.post(made.id)) };
      toast(textNow().composer.published, { action: see });
    } catch (caught) {
      setError(asApiError(caught));
      setStep("idle");
    }
  };
  return { step, error, publish };
}

export function Composer() {
  const t = useText();
  const me = useMe();
  const online = useStore(connection.state) === "online";
  const [uploads] = useState(() => new Uploads());
  const items = useStore(uploads.items);
  const [text, setText] = useState(() => recall(draftName) ?? "");
  const [note, setNote] = useState<string>();
  const [over, setOver] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const { step, error, publish } = usePublish(uploads, text, () => {
    remember(draftName, undefined);
    closeDialog();
  });
  useEffect(() => () => uploads.clear(), [uploads]);

  const change = (value: string) => {
    setText(value);
    remember(draftName, value || undefined);
  };
  const takeFiles = (files: Iterable<File>) => {
    const { tooMany, notPictures } = uploads.add(files);
    const first = notPictures[0];
    setNote(
      tooMany
        ? t.composer.limit(mostPictures)
        : first !== undefined
          ? t.composer.notPicture(first)
          : undefined,
    );
  };
  const paste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    takeFiles(event.clipboardData.files);
  };
  const bringsFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  const drop = (event: DragEvent) => {
    setOver(false);
    if (!bringsFiles(event)) return;
    event.preventDefault();
    takeFiles(event.dataTransfer.files);
  };

  const failed = items.some((item) => item.state === "failed");
  const ready = text.trim() !== "" && lengthOf(text) <= longestPost && !failed && online;
  const busy = step !== "idle";
  const problem = error && (fieldText(t, error, "text") ?? errorText(t, error));
  const label = {
    idle: t.composer.publish,
    waiting: t.composer.waiting,
    sending: t.composer.publishing,
  }[step];
  const send = () => {
    if (ready && !busy) void publish();
  };
  // The text is kept as a draft, the pictures are not: ask before they go.
  const close = () => {
    if (items.length > 0 && !leaving) setLeaving(true);
    else closeDialog();
  };

  return (
    <Dialog
      title={t.composer.title}
      className={`composer${over ? " drop" : ""}`}
      onClose={close}
      action={
        <button type="button" className="button primary" disabled={!ready || busy} onClick={send}>
          {label}
        </button>
      }
    >
      <div
        className="composer-body"
        onPaste={paste}
        onDragOver={(event) => {
          if (!bringsFiles(event)) return;
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={(event) => event.currentTarget === event.target && setOver(false)}
        onDrop={drop}
      >
        <div className="composer-row">
          {me && <Avatar user={me} />}
          <TextArea
            value={text}
            onChange={change}
            onSend={send}
            placeholder={t.composer.placeholder}
            label={t.composer.text}
          />
        </div>
        <PictureTray uploads={uploads} />
        {over && <p className="drop-note">{t.composer.drop}</p>}
      </div>
      {leaving && <Leaving onKeep={() => setLeaving(false)} />}
      <footer className="composer-foot">
        <PictureButtons onFiles={takeFiles} full={items.length >= mostPictures} />
        <span className="composer-note" role="status">
          {problem ? <span className="error">{problem}</span> : !online ? t.composer.offline : note}
        </span>
        <Counter text={text} />
      </footer>
    </Dialog>
  );
}
