import { useState } from "react";
import { asApiError, type ApiError } from "../../api/problem";
import { editPost } from "../../api/social";
import type { Post } from "../../api/types";
import { keepPost } from "../../app/entities";
import { toast } from "../../app/toasts";
import { closeDialog } from "../../app/ui";
import { Dialog } from "../../components/Dialog";
import { errorText, fieldText, useText } from "../../i18n";
import { Counter, lengthOf, longestPost, TextArea } from "./TextArea";

export function EditPost({ post }: { post: Post }) {
  const t = useText();
  const [text, setText] = useState(post.text);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const ready = text.trim() !== "" && lengthOf(text) <= longestPost && !busy;
  const save = async () => {
    if (!ready) return;
    setBusy(true);
    setError(undefined);
    try {
      keepPost(await editPost(post.id, text.trim()));
      toast(t.action.saved);
      closeDialog();
    } catch (caught) {
      setError(asApiError(caught));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t.composer.editTitle}
      className="composer"
      onClose={closeDialog}
      action={
        <button
          type="button"
          className="button primary"
          disabled={!ready}
          onClick={() => void save()}
        >
          {t.action.save}
        </button>
      }
    >
      <div className="composer-body">
        <TextArea
          value={text}
          onChange={setText}
          onSend={() => void save()}
          placeholder=""
          label={t.composer.text}
        />
      </div>
      <footer className="composer-foot">
        <span className="composer-note" role="status">
          {error && (
            <span className="error">{fieldText(t, error, "text") ?? errorText(t, error)}</span>
          )}
        </span>
        <Counter text={text} />
      </footer>
    </Dialog>
  );
}
