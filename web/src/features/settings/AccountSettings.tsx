import { useState, type FormEvent } from "react";
import { changePassword, withdraw } from "../../api/identity";
import { asApiError, type ApiError } from "../../api/problem";
import type { Account } from "../../api/types";
import { leave, signOut } from "../../app/session";
import { navigate, paths } from "../../app/router";
import { toastFailure } from "../../app/failures";
import { toast } from "../../app/toasts";
import { Dialog } from "../../components/Dialog";
import { PasswordField } from "../../components/Field";
import { Icon } from "../../components/Icon";
import { errorText, fieldText, useText } from "../../i18n";

function PasswordSetting({ me }: { me: Account }) {
  const t = useText();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await changePassword({ old, new: fresh });
      setOld("");
      setFresh("");
      toast(t.settings.passwordChanged);
    } catch (caught) {
      setError(asApiError(caught));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="panel" aria-labelledby="password-title">
      <h2 id="password-title">{t.settings.password}</h2>
      <p className="fine">{t.settings.passwordText}</p>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <input
          type="text"
          name="username"
          autoComplete="username"
          value={me.email}
          readOnly
          hidden
        />
        <PasswordField
          label={t.settings.oldPassword}
          name="old"
          autoComplete="current-password"
          required
          value={old}
          error={fieldText(t, error, "old")}
          onChange={(event) => setOld(event.target.value)}
        />
        <PasswordField
          label={t.settings.newPassword}
          hint={t.auth.passwordHint}
          name="new"
          autoComplete="new-password"
          required
          minLength={8}
          maxLength={128}
          value={fresh}
          error={fieldText(t, error, "new")}
          onChange={(event) => setFresh(event.target.value)}
        />
        {error && error.errors.length === 0 && !fieldText(t, error, "old") && (
          <p className="form-error" role="alert">
            {errorText(t, error)}
          </p>
        )}
        <button type="submit" className="button" disabled={busy || !old || !fresh}>
          {t.settings.password}
        </button>
      </form>
    </section>
  );
}

function WithdrawDialog({ onClose }: { onClose: () => void }) {
  const t = useText();
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await withdraw(password);
      leave();
      navigate(paths.home, { replace: true });
      toast(t.settings.withdrawn);
    } catch (caught) {
      setError(asApiError(caught));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t.settings.withdrawTitle} onClose={onClose} className="small">
      <form className="form dialog-body" onSubmit={(event) => void submit(event)}>
        <p>{t.settings.withdrawText}</p>
        <PasswordField
          label={t.auth.password}
          name="password"
          autoComplete="current-password"
          required
          value={password}
          error={error && (fieldText(t, error, "password") ?? errorText(t, error))}
          onChange={(event) => setPassword(event.target.value)}
        />
        <div className="row end">
          <button type="button" className="button" onClick={onClose}>
            {t.action.cancel}
          </button>
          <button type="submit" className="button danger" disabled={busy || !password}>
            {t.settings.withdrawAction}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function AccountSettings({ me }: { me: Account }) {
  const t = useText();
  const [leaving, setLeaving] = useState(false);
  const out = () =>
    signOut()
      .then(() => {
        navigate(paths.home, { replace: true });
        toast(t.auth.signedOut);
      })
      .catch(toastFailure);
  return (
    <>
      <section className="panel" aria-labelledby="account-title">
        <h2 id="account-title">{t.settings.account}</h2>
        <p className="fine">{me.email}</p>
        <button type="button" className="button" onClick={() => void out()}>
          <Icon name="out" />
          {t.action.signOut}
        </button>
      </section>
      <PasswordSetting me={me} />
      <section className="panel danger" aria-labelledby="withdraw-title">
        <h2 id="withdraw-title">{t.settings.withdraw}</h2>
        <p className="fine">{t.settings.withdrawText}</p>
        <button type="button" className="button danger" onClick={() => setLeaving(true)}>
          {t.settings.withdrawAction}
        </button>
      </section>
      {leaving && <WithdrawDialog onClose={() => setLeaving(false)} />}
    </>
  );
}
