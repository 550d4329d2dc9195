import { ApiError } from "../api/problem";
import { recall, remember } from "../app/storage";
import { Store, useStore } from "../app/store";
import { en } from "./en";
import { ko, type Dictionary } from "./ko";

export type Language = "ko" | "en";
export const languages: readonly Language[] = ["ko", "en"];
const dictionaries: Record<Language, Dictionary> = { ko, en };

function detected(): Language {
  const wanted = recall("language") ?? navigator.languages?.[0] ?? navigator.language ?? "ko";
  return wanted.toLowerCase().startsWith("ko") ? "ko" : "en";
}

export const language = new Store<Language>(detected());

export function setLanguage(value: Language): void {
  remember("language", value);
  document.documentElement.lang = value;
  language.set(value);
}

export const languageName = (value: Language) => dictionaries[value].languageName;
export const useLanguage = () => useStore(language);
export const useText = (): Dictionary => dictionaries[useStore(language)];
// For what is not a component, at the moment of the call.
export const textNow = (): Dictionary => dictionaries[language.get()];

function statusText(t: Dictionary, status: number): string {
  if (status === 401) return t.errors.unauthenticated;
  if (status === 403) return t.errors.forbidden;
  if (status === 404) return t.errors.not_found;
  if (status === 413) return t.errors.too_large;
  if (status === 429) return t.errors.rate_limited;
  if (status === 503) return t.errors.busy;
  if (status >= 500) return t.errors.server;
  return t.errors.unknown;
}

// What to tell a person about a failed call: our words for the stable code, otherwise for the
// status. The server's own detail is in English, so only the English page may fall back to it.
export function errorText(t: Dictionary, error: ApiError): string {
  const known = (t.errors as Record<string, string | undefined>)[error.code];
  let text = known ?? statusText(t, error.status);
  if (!known && t === en && error.detail && error.status < 500) text = error.detail;
  if (error.retryAfterMs > 1000) {
    text += ` ${t.retryIn(Math.ceil(error.retryAfterMs / 1000))}`;
  }
  return text;
}

const passwordFields = new Set(["password", "old"]);

export function fieldText(
  t: Dictionary,
  error: ApiError | undefined,
  field: string,
): string | undefined {
  const found = error?.errors.find((one) => one.field === field || one.field.endsWith(`.${field}`));
  if (found) {
    const known = (t.fields as Record<string, string | undefined>)[found.code];
    return known ?? (t === en && found.message ? found.message : t.fields.invalid);
  }
  if (error?.code === `${field}_taken`) return errorText(t, error);
  // Asked for again by somebody who is signed in.
  if (error?.code === "bad_credentials" && error.status === 403 && passwordFields.has(field)) {
    return t.errors.wrong_password;
  }
  return undefined;
}
