import { recall, remember } from "./storage";
import { Store } from "./store";

export type Theme = "auto" | "light" | "dark";
export const themes: readonly Theme[] = ["auto", "light", "dark"];

function stored(): Theme {
  const value = recall("theme");
  return value === "light" || value === "dark" ? value : "auto";
}

const paper = { light: "#fbf6ec", dark: "#16120e" };

// The browser's own bar follows the page (index.html holds one colour for each scheme).
function colourBrowserBar(value: Theme): void {
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    const scheme = meta.media.includes("dark") ? "dark" : "light";
    meta.content = paper[value === "auto" ? scheme : value];
  }
}

export function setTheme(value: Theme): void {
  remember("theme", value === "auto" ? undefined : value);
  if (value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  colourBrowserBar(value);
  theme.set(value);
}

export const theme = new Store<Theme>(stored());
colourBrowserBar(theme.get());
