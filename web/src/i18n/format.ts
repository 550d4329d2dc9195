import { useEffect, useState } from "react";
import { textNow, useLanguage, type Language } from ".";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export function formatCount(n: number, language: Language): string {
  const compactFrom = language === "ko" ? 10_000 : 1_000;
  if (n < compactFrom) return new Intl.NumberFormat(language).format(n);
  return new Intl.NumberFormat(language, {
    notation: "compact",
    maximumFractionDigits: 1,
    roundingMode: "trunc",
  } as Intl.NumberFormatOptions).format(n);
}

export function formatAbsolute(iso: string, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" }).format(
    new Date(iso),
  );
}

export function formatDay(iso: string, language: Language): string {
  return new Intl.DateTimeFormat(language, { year: "numeric", month: "long" }).format(
    new Date(iso),
  );
}

export function formatRelative(iso: string, language: Language, now = Date.now()): string {
  const date = new Date(iso);
  const age = now - date.getTime();
  if (age < minuteMs) return textNow().time.now;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "narrow" });
  if (age < hourMs) return relative.format(-Math.floor(age / minuteMs), "minute");
  if (age < dayMs) return relative.format(-Math.floor(age / hourMs), "hour");
  if (age < 7 * dayMs) return relative.format(-Math.floor(age / dayMs), "day");
  const thisYear = date.getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat(language, {
    month: "long",
    day: "numeric",
    ...(thisYear ? {} : { year: "numeric" }),
  }).format(date);
}

// One minute hand for all the times on the page.
const ticks = new Set<() => void>();
setInterval(() => {
  if (document.visibilityState === "visible") for (const tick of [...ticks]) tick();
}, 30_000);

export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const tick = () => setNow(Date.now());
    ticks.add(tick);
    return () => void ticks.delete(tick);
  }, []);
  return now;
}

export function useFormat() {
  const language = useLanguage();
  return {
    count: (n: number) => formatCount(n, language),
    absolute: (iso: string) => formatAbsolute(iso, language),
    relative: (iso: string, now?: number) => formatRelative(iso, language, now),
    month: (iso: string) => formatDay(iso, language),
  };
}
