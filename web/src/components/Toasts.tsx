import { closeToast, toasts } from "../app/toasts";
import { useStore } from "../app/store";
import { useText } from "../i18n";
import { Icon } from "./Icon";

export function Toasts() {
  const shown = useStore(toasts);
  const t = useText();
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={`toast ${toast.kind}`}>
          <span>{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              className="toast-action"
              onClick={() => {
                closeToast(toast.id);
                toast.action!.run();
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button
            type="button"
            className="icon-button"
            aria-label={t.action.close}
            onClick={() => closeToast(toast.id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
