import { Store } from "./store";

export interface Toast {
  id: number;
  text: string;
  kind: "info" | "error";
  action?: { label: string; run: () => void };
}

const shownMs = 5_000;
const withActionMs = 9_000;
const mostToasts = 3;
let nextId = 1;

export const toasts = new Store<Toast[]>([]);

export function closeToast(id: number): void {
  toasts.set(toasts.get().filter((toast) => toast.id !== id));
}

export function toast(text: string, options: Partial<Omit<Toast, "id" | "text">> = {}): void {
  const one: Toast = { id: nextId++, text, kind: "info", ...options };
  const others = toasts.get().filter((other) => other.text !== text);
  toasts.set([...others, one].slice(-mostToasts));
  setTimeout(() => closeToast(one.id), one.action ? withActionMs : shownMs);
}
