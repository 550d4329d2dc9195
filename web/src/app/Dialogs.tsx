import { useState } from "react";
import { asApiError, type ApiError } from "../api/problem";
import { Dialog } from "../components/Dialog";
import { SuspendDialog } from "../features/admin/SuspendDialog";
import { Composer } from "../features/composer/Composer";
import { EditPost } from "../features/composer/EditPost";
import { Lightbox } from "../features/post/Lightbox";
import { ReportDialog } from "../features/post/ReportDialog";
import { errorText, useText } from "../i18n";
import { HelpDialog } from "./HelpDialog";
import { useStore } from "./store";
import { closeDialog, openDialog, type OpenDialog } from "./ui";

type ConfirmProps = Extract<OpenDialog, { kind: "confirm" }>;

function Confirm({ title, text, action, danger, run }: ConfirmProps) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const go = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await run();
      closeDialog();
    } catch (caught) {
      setError(asApiError(caught));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={closeDialog} className="small">
      <div className="dialog-body">
        <p>{text}</p>
        {error && (
          <p className="form-error" role="alert">
            {errorText(t, error)}
          </p>
        )}
        <div className="row end">
          <button type="button" className="button" onClick={closeDialog}>
            {t.action.cancel}
          </button>
          <button
            type="button"
            className={danger ? "button danger" : "button primary"}
            disabled={busy}
            onClick={() => void go()}
            data-autofocus
          >
            {action}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

export function Dialogs() {
  const dialog = useStore(openDialog);
  switch (dialog?.kind) {
    case "composer":
      return <Composer />;
    case "edit":
      return <EditPost post={dialog.post} />;
    case "help":
      return <HelpDialog />;
    case "report":
      return <ReportDialog target={dialog.target} title={dialog.title} />;
    case "suspend":
      return <SuspendDialog user={dialog.user} done={dialog.done} />;
    case "pictures":
      return (
        <Lightbox media={dialog.media} index={dialog.index} by={dialog.by} onClose={closeDialog} />
      );
    case "confirm":
      return <Confirm {...dialog} />;
    case undefined:
      return null;
  }
}
