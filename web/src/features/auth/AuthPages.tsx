import { useState, type FormEvent, type ReactNode } from "react";
import { signIn, signUp } from "../../api/identity";
import { asApiError, type ApiError } from "../../api/problem";
import type { Account } from "../../api/types";
import { Link, navigate, paths, useTitle } from "../../app/router";
import { enter } from "../../app/session";
import { toast } from "../../app/toasts";
import { shownName } from "../../components/Avatar";
import { Field, PasswordField } from "../../components/Field";
import { useWait } from "../../components/useWait";
import { errorText, fieldText, useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { Yard } from "./Yard";

function AuthFrame({
  title,
  text,
  children,
}: {
  title: string;
  text: string;
  children: ReactNode;
}) {
  return (
    <div className="auth">
      <div className="auth-picture">
        <Yard />
      </div>
      <div className="auth-card">
        <h1>{title}</h1>
        <p className="page-lead">{text}</p>
        {children}
      </div>
    </div>
  );
}

function useSubmit(send: () => Promise<{ account: Account }>, greeting: (name: string) => string) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const waiting = useWait(error);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const { account } = await send();
      enter(account);
      navigate(paths.home, { replace: true });
      toast(greeting(shownName(account)));
    } catch (caught) {
      setError(asApiError(caught));
      setBusy(false);
    }
  };
  return { busy: busy || waiting, error, submit };
}

function FormError({ error, fields }: { error?: ApiError; fields: string[] }) {
  const t = useText();
  const format = useFormat();
  if (!error || fields.some((field) => fieldText(t, error, field))) return null;
  if (error.code === "account_suspended") {
    const { reason, until } = error.more as { reason?: string; until?: string };
    return (
      <div className="form-error suspended" role="alert">
        <p>{until ? t.auth.suspendedUntil(format.absolute(until)) : t.auth.suspended}</p>
        {reason && <p className="suspended-reason">{t.auth.suspendedReason(reason)}</p>}
      </div>
    );
  }
  return (
    <p className="form-error" role="alert">
      {errorText(t, error)}
    </p>
  );
}

export function SignInPage() {
  const t = useText();
  useTitle(t.action.signIn);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { busy, error, submit } = useSubmit(
    () => signIn({ email: email.trim(), password }),
    t.auth.welcome,
  );
  return (
    <AuthFrame title={t.auth.signInTitle} text={t.auth.signInText}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <Field
          label={t.auth.email}
          type="email"
          name="email"
          autoComplete="username"
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <PasswordField
          label={t.auth.password}
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <FormError error={error} fields={[]} />
        <button type="submit" className="button primary wide" disabled={busy}>
          {t.action.signIn}
        </button>
      </form>
      <p className="auth-other">
        {t.auth.noAccount} <Link to={paths.signUp}>{t.action.signUp}</Link>
      </p>
    </AuthFrame>
  );
}

const signUpFields = ["email", "password", "handle", "name"];

export function SignUpPage() {
  const t = useText();
  useTitle(t.action.signUp);
  const [form, setForm] = useState({ email: "", password: "", handle: "", name: "" });
  const { busy, error, submit } = useSubmit(
    () =>
      signUp({
        email: form.email.trim(),
        password: form.password,
        handle: form.handle.trim(),
        ...(form.name.trim() ? { name: form.name.trim() } : {}),
      }),
    t.auth.welcome,
  );
  const bind = (name: keyof typeof form) => ({
    name,
    value: form[name],
    onChange: (event: { target: { value: string } }) =>
      setForm({ ...form, [name]: event.target.value }),
    error: fieldText(t, error, name),
  });
  return (
    <AuthFrame title={t.auth.signUpTitle} text={t.auth.signUpText}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <Field label={t.auth.email} type="email" autoComplete="email" required {...bind("email")} />
        <PasswordField
          label={t.auth.password}
          hint={t.auth.passwordHint}
          autoComplete="new-password"
          required
          minLength={8}
          maxLength={128}
          {...bind("password")}
        />
        <Field
          label={t.auth.handle}
          hint={t.auth.handleHint}
          autoComplete="nickname"
          autoCapitalize="off"
          spellCheck={false}
          required
          minLength={2}
          maxLength={20}
          {...bind("handle")}
        />
        <Field label={t.auth.name} hint={t.auth.nameHint} autoComplete="name" {...bind("name")} />
        <FormError error={error} fields={signUpFields} />
        <button type="submit" className="button primary wide" disabled={busy}>
          {t.action.signUp}
        </button>
      </form>
      <p className="auth-other">
        {t.auth.haveAccount} <Link to={paths.signIn}>{t.action.signIn}</Link>
      </p>
    </AuthFrame>
  );
}
