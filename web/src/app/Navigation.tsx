import type { Account } from "../api/types";
import { Avatar, shownName } from "../components/Avatar";
import { Icon, type IconName } from "../components/Icon";
import { LogoMark, Wordmark } from "../components/Logo";
import { unread } from "../features/notifications/unread";
import { setLanguage, useLanguage, useText } from "../i18n";
import { useFormat } from "../i18n/format";
import { Link, paths, usePlace } from "./router";
import { useMe } from "./session";
import { useStore } from "./store";
import { setTheme, theme } from "./theme";
import { show } from "./ui";

interface Entry {
  to: string;
  label: string;
  icon: IconName;
  badge?: number;
  phone: boolean;
}

function useEntries(me: Account | undefined): Entry[] {
  const t = useText();
  const count = useStore(unread);
  const open: Entry[] = [
    { to: paths.home, label: t.nav.home, icon: "home", phone: true },
    { to: paths.ranking, label: t.nav.ranking, icon: "ranking", phone: me === undefined },
  ];
  if (!me) return open;
  return [
    ...open,
    { to: paths.search(), label: t.nav.search, icon: "search", phone: true },
    {
      to: paths.notifications,
      label: t.nav.notifications,
      icon: "bell",
      badge: count,
      phone: true,
    },
    { to: paths.user(me.handle), label: t.nav.profile, icon: "person", phone: true },
    { to: paths.settings(), label: t.nav.settings, icon: "settings", phone: false },
    ...(me.roles?.includes("admin")
      ? [{ to: paths.reports, label: t.nav.reports, icon: "shield" as const, phone: false }]
      : []),
  ];
}

function isHere(path: string, to: string): boolean {
  if (to === paths.home) return path === to;
  if (to === paths.reports) return path.startsWith("/admin/");
  return path === to || path.startsWith(`${to}/`);
}

function Badge({ count }: { count: number | undefined }) {
  const t = useText();
  const format = useFormat();
  if (!count) return null;
  return (
    <span className="count-badge">
      <span aria-hidden="true">{count > 99 ? "99+" : count}</span>
      <span className="sr-only">{t.notifications.unread(format.count(count))}</span>
    </span>
  );
}

export function QuickSettings() {
  const t = useText();
  const language = useLanguage();
  const chosen = useStore(theme);
  const dark =
    chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return (
    <div className="quick">
      <button
        type="button"
        className="text-button"
        lang={language === "ko" ? "en" : "ko"}
        onClick={() => setLanguage(language === "ko" ? "en" : "ko")}
      >
        {language === "ko" ? "English" : "한국어"}
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={`${t.settings.theme}: ${dark ? t.settings.themeLight : t.settings.themeDark}`}
        onClick={() => setTheme(dark ? "light" : "dark")}
      >
        <Icon name={dark ? "sun" : "moon"} />
      </button>
    </div>
  );
}

export function Brand() {
  const t = useText();
  return (
    <Link to={paths.home} className="brand" aria-label={t.appName}>
      <LogoMark />
      <Wordmark />
    </Link>
  );
}

// The column at the left of a wide window.
export function SideNavigation() {
  const t = useText();
  const me = useMe();
  const { path } = usePlace();
  const entries = useEntries(me);
  return (
    <header className="side">
      <Brand />
      <nav aria-label={t.nav.main}>
        {entries.map((entry) => (
          <Link
            key={entry.to}
            to={entry.to}
            className="side-entry"
            title={entry.label}
            aria-current={isHere(path, entry.to) ? "page" : undefined}
          >
            <span className="side-icon">
              <Icon name={entry.icon} />
              <Badge count={entry.badge} />
            </span>
            <span className="side-label">{entry.label}</span>
          </Link>
        ))}
      </nav>
      {me ? (
        <button
          type="button"
          className="button primary compose"
          onClick={() => show({ kind: "composer" })}
        >
          <Icon name="plus" />
          <span className="side-label">{t.nav.compose}</span>
        </button>
      ) : (
        <Link to={paths.signIn} className="button primary compose">
          <Icon name="person" />
          <span className="side-label">{t.action.signIn}</span>
        </Link>
      )}
      <div className="side-foot">
        <QuickSettings />
        {me && (
          <Link to={paths.user(me.handle)} className="side-me">
            <Avatar user={me} size="small" />
            <span className="side-label">{shownName(me)}</span>
          </Link>
        )}
      </div>
    </header>
  );
}

// The bars of a phone: brand above, places below, writing in the middle.
export function TopBar() {
  const t = useText();
  const me = useMe();
  return (
    <header className="top-bar">
      <Brand />
      <div className="row">
        <Link to={paths.ranking} className="icon-button" aria-label={t.nav.ranking}>
          <Icon name="ranking" />
        </Link>
        {me?.roles?.includes("admin") && (
          <Link to={paths.reports} className="icon-button" aria-label={t.nav.reports}>
            <Icon name="shield" />
          </Link>
        )}
        {me ? (
          <Link to={paths.settings()} className="icon-button" aria-label={t.nav.settings}>
            <Icon name="settings" />
          </Link>
        ) : (
          <QuickSettings />
        )}
      </div>
    </header>
  );
}

export function BottomBar() {
  const t = useText();
  const me = useMe();
  const { path } = usePlace();
  const entries = useEntries(me).filter((entry) => entry.phone);
  if (!me) return null;
  const link = (entry: Entry) => (
    <Link
      key={entry.to}
      to={entry.to}
      className="bottom-entry"
      aria-label={entry.label}
      aria-current={isHere(path, entry.to) ? "page" : undefined}
    >
      {entry.icon === "person" ? <Avatar user={me} size="small" /> : <Icon name={entry.icon} />}
      <Badge count={entry.badge} />
    </Link>
  );
  return (
    <nav className="bottom-bar" aria-label={t.nav.main}>
      {entries.slice(0, 2).map(link)}
      <button
        type="button"
        className="bottom-compose"
        aria-label={t.nav.compose}
        onClick={() => show({ kind: "composer" })}
      >
        <Icon name="plus" />
      </button>
      {entries.slice(2).map(link)}
    </nav>
  );
}
