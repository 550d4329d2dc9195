import { useId, useState, type InputHTMLAttributes, type TextareaHTMLAttributes } from "react";
import { useText } from "../i18n";
import { Icon } from "./Icon";

interface Described {
  label: string;
  hint?: string;
  error?: string;
}

function useDescription({ hint, error }: Described) {
  const id = useId();
  const noteId = `${id}-note`;
  return {
    id,
    aria: {
      "aria-invalid": error ? true : undefined,
      "aria-describedby": hint || error ? noteId : undefined,
    },
    note: (error || hint) && (
      <span
        id={noteId}
        className={error ? "field-note error" : "field-note"}
        role={error ? "alert" : undefined}
      >
        {error ?? hint}
      </span>
    ),
  };
}

type FieldProps = Described & InputHTMLAttributes<HTMLInputElement>;

export function Field({ label, hint, error, ...input }: FieldProps) {
  const { id, aria, note } = useDescription({ label, hint, error });
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} {...aria} {...input} />
      {note}
    </div>
  );
}

export function PasswordField({ label, hint, error, ...input }: FieldProps) {
  const { id, aria, note } = useDescription({ label, hint, error });
  const [shown, setShown] = useState(false);
  const t = useText();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-with-button">
        <input id={id} {...aria} {...input} type={shown ? "text" : "password"} />
        <button
          type="button"
          className="icon-button"
          aria-pressed={shown}
          aria-label={shown ? t.auth.hidePassword : t.auth.showPassword}
          onClick={() => setShown(!shown)}
        >
          <Icon name={shown ? "eyeOff" : "eye"} />
        </button>
      </div>
      {note}
    </div>
  );
}

type AreaProps = Described & TextareaHTMLAttributes<HTMLTextAreaElement>;

export function AreaField({ label, hint, error, ...area }: AreaProps) {
  const { id, aria, note } = useDescription({ label, hint, error });
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} {...aria} {...area} />
      {note}
    </div>
  );
}
