import { useEffect, useId, useRef, type ReactNode } from "react";
import { useText } from "../i18n";
import { Icon } from "./Icon";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  className?: string;
  // Stands at the right of the title.
  action?: ReactNode;
}

// The browser's modal dialog: it keeps the focus, makes the rest inert and closes on Escape.
export function Dialog({ title, onClose, children, className = "", action }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const t = useText();
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement as HTMLElement | null;
    if (!dialog.open) dialog.showModal();
    // showModal() goes to the first control, which is the close button.
    dialog.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    document.documentElement.classList.add("has-dialog");
    return () => {
      document.documentElement.classList.remove("has-dialog");
      dialog.close();
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={`dialog ${className}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className="dialog-box">
        <header className="dialog-head">
          <button
            type="button"
            className="icon-button"
            aria-label={t.action.close}
            onClick={onClose}
          >
            <Icon name="close" />
          </button>
          <h2 id={titleId}>{title}</h2>
          {action}
        </header>
        {children}
      </div>
    </dialog>
  );
}
