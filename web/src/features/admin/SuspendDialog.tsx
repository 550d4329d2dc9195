import { useState, type FormEvent } from "react";
import { suspend } from "../../api/admin";
import { asApiError, type ApiError } from "../../api/problem";
import type { UserCard } from "../../api/types";
import { forgetLists } from "../../app/lists";
import { toast } from "../../app/toasts";
import { closeDialog } from "../../app/ui";
import { shownName } from "../../components/Avatar";
import { Choice } from "../../components/Choice";
import { Dialog } from "../../components/Dialog";
import { AreaField } from "../../components/Field";
import { errorText, fieldText, useText } from "../../i18n";

const longestReason = 500;
const dayMs = 86_400_000;
const lengths = ["1", "7", "30", ""] as const; // days; "" for good
type Length = (typeof lengths)[number];

const endOf = (days: Length) =>
  days === "" ? {} : { until: new Date(Date.now() + Number(days) * dayMs).toISOString() };

export function SuspendDialog({ user, done }: { user: UserCard; done: () => void }) {
  const t = useText();
  const [reason, setReason] = useState("");
  const [days, setDays] = useState<Length>("7");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await suspend(user.id, { reason: reason.trim(), ...endOf(days) });
      forgetLists();
      closeDialog();
      toast(t.admin.suspendedDone(shownName(user)));
      done();
    } catch (caught) {
      setError(asApiError(caught));
      setBusy(false);
    }
  };
  const fieldError = fieldText(t, error, "reason");
  return (
    <Dialog
      title={t.admin.suspendTitle(shownName(user))}
      onClose={closeDialog}
      className="small"
    >
      <form className="form dialog-body" onSubmit={(event) => void submit(event)}>
        <p>{t.admin.suspendText}</p>
        <AreaField
          label={t.admin.suspendReason}
          hint={t.admin.suspendReasonHint}
          error={fieldError}
          name="reason"
          rows={2}
          required
          maxLength={longestReason}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          data-autofocus
        />
        <Choice
          label={t.admin.suspendFor}
          options={lengths.map((value) => ({
            value,
            label: value === "" ? t.admin.forGood : t.admin.days(Number(value)),
          }))}
          value={days}
          onChange={setDays}
        />
        {error && !fieldError && (
          <p className="form-error" role="alert">
            {errorText(t, error)}
          </p>
        )}
        <div className="row end">
          <button type="button" className="button" onClick={closeDialog}>
            {t.action.cancel}
          </button>
          <button type="submit" className="button danger" disabled={!reason.trim() || busy}>
            {t.admin.suspend}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
