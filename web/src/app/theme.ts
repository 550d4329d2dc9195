import { recall, remember } from "./storage";
import { Store } from "./store";

export type Theme = "auto" | "light" | "dark";
export const themes: readonly Theme[] = ["auto", "light", "dark"];

function stored(): Theme {
  const value = recall("theme");
  return value === "light" || value === "dark" ? value : "auto";
}

export const theme = new Store<Theme>(stored());

export function setTheme(value: Theme): void {
  remember("theme", value === "auto" ? undefined : value);
  if (value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  theme.set(value);
}
