import { Component, useEffect, type ReactNode } from "react";
import { Failed, Loading } from "../components/states";
import { Toasts } from "../components/Toasts";
import { LogoMark } from "../components/Logo";
import { arrivals } from "../features/feed/feed";
import { unread } from "../features/notifications/unread";
import { language, textNow, useLanguage, useText } from "../i18n";
import { announcement } from "./announce";
import { Aside } from "./Aside";
import { ConnectionBanner } from "./Banner";
import { Dialogs } from "./Dialogs";
import { useLive } from "./live";
import { BottomBar, Brand, QuickSettings, SideNavigation, TopBar } from "./Navigation";
import { pageTitle, useFocusOnNavigation, usePlace, useScrollRestoration } from "./router";
import { CurrentPage, isBarePath } from "./routes";
import { loadSession, useSession } from "./session";
import { useShortcuts } from "./shortcuts";
import { useStore } from "./store";

class Guard extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    const t = textNow();
    return (
      <div className="empty" role="alert">
        <h1>{t.state.crashTitle}</h1>
        <p>{t.state.crashText}</p>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          {t.state.reload}
        </button>
      </div>
    );
  }
}

function useDocumentTitle(): void {
  const title = useStore(pageTitle);
  const waiting = useStore(arrivals).count + useStore(unread);
  const t = useText();
  useEffect(() => {
    const name = title ? `${title} · ${t.appName}` : `${t.appName} · ${t.tagline}`;
    document.title = waiting > 0 ? `(${waiting > 99 ? "99+" : waiting}) ${name}` : name;
  }, [title, waiting, t]);
}

function Announcer() {
  const text = useStore(announcement);
  const title = useStore(pageTitle);
  return (
    <div className="sr-only" aria-live="polite">
      <p>{text}</p>
      <p>{title}</p>
    </div>
  );
}

function SkipLink() {
  const t = useText();
  return (
    <a
      href="#content"
      className="skip"
      onClick={(event) => {
        event.preventDefault();
        document.getElementById("content")?.focus();
      }}
    >
      {t.nav.skip}
    </a>
  );
}

function Splash() {
  return (
    <div className="splash">
      <Loading>
        <LogoMark />
      </Loading>
    </div>
  );
}

function BarePage() {
  return (
    <div className="bare">
      <header className="bare-head">
        <Brand />
        <QuickSettings />
      </header>
      <main id="content" tabIndex={-1}>
        <Guard>
          <CurrentPage />
        </Guard>
      </main>
    </div>
  );
}

function FullPage() {
  const { path } = usePlace();
  return (
    <div className="frame">
      <SideNavigation />
      <TopBar />
      <main id="content" className="main" tabIndex={-1}>
        <Guard key={path}>
          <CurrentPage />
        </Guard>
      </main>
      <Aside />
      <BottomBar />
    </div>
  );
}

export function App() {
  const { state, error } = useSession();
  const { path } = usePlace();
  useLanguage();
  useDocumentTitle();
  useShortcuts();
  useLive(state === "in");
  useScrollRestoration();
  useFocusOnNavigation();
  useEffect(() => {
    document.documentElement.lang = language.get();
    void loadSession();
  }, []);
  return (
    <>
      <SkipLink />
      <ConnectionBanner />
      {state === "loading" ? (
        <Splash />
      ) : state === "failed" ? (
        <Failed error={error} onRetry={() => void loadSession()} />
      ) : isBarePath(path, state === "in") ? (
        <BarePage />
      ) : (
        <FullPage />
      )}
      <Dialogs />
      <Toasts />
      <Announcer />
    </>
  );
}
