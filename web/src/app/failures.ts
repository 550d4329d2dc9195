import { asApiError } from "../api/problem";
import { errorText, textNow } from "../i18n";
import { toast } from "./toasts";

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function toastFailure(caught: unknown, retry?: () => void): void {
  if (isAbort(caught)) return;
  const t = textNow();
  toast(errorText(t, asApiError(caught)), {
    kind: "error",
    ...(retry ? { action: { label: t.action.retry, run: retry } } : {}),
  });
}
