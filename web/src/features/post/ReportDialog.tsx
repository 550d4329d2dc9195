import { useState, type FormEvent } from "react";
import { asApiError, type ApiError } from "../../api/problem";
import { sendReport, type ReportTarget } from "../../api/social";
import { toast } from "../../app/toasts";
import { closeDialog } from "../../app/ui";
import { Dialog } from "../../components/Dialog";
import { AreaField } from "../../components/Field";
import { errorText, useText } from "../../i18n";

const reasons = ["spam", "abuse", "sexual", "stolen", "other"] as const;
type Reason = (typeof reasons)[number];
const longestDetails = 300;

export function ReportDialog({ target, title }: { target: ReportTarget; title: string }) {
  const t = useText();
  const [reason, setReason] = useState<Reason>();
  const [details, setDetails] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!reason) return;
    setBusy(true);
    setError(undefined);
    try {
      await sendReport(target, details.trim() ? `${reason}: ${details.trim()}` : reason);
      closeDialog();
      toast(t.report.sent);
    } catch (caught) {
      setError(asApiError(caught));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t.report.title} onClose={closeDialog} className="small">
      <form className="form dialog-body" onSubmit={(event) => void submit(event)}>
        <p className="report-quote">{title}</p>
        <fieldset className="radio-list">
          <legend>{t.report.text}</legend>
          {reasons.map((one) => (
            <label key={one}>
              <input
                type="radio"
                name="reason"
                value={one}
                checked={one === reason}
                onChange={() => setReason(one)}
              />
              {t.report[one]}
            </label>
          ))}
        </fieldset>
        <AreaField
          label={t.report.details}
          rows={2}
          maxLength={longestDetails}
          value={details}
          onChange={(event) => setDetails(event.target.value)}
        />
        {error && (
          <p className="form-error" role="alert">
            {errorText(t, error)}
          </p>
        )}
        <div className="row end">
          <button type="button" className="button" onClick={closeDialog}>
            {t.action.cancel}
          </button>
          <button type="submit" className="button danger" disabled={!reason || busy}>
            {t.report.send}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
