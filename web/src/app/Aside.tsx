import { TopPosts } from "../features/feed/RankingPage";
import { Icon } from "../components/Icon";
import { useText } from "../i18n";
import { navigate, paths, usePlace } from "./router";
import { useMe } from "./session";
import { show } from "./ui";

function QuickSearch() {
  const t = useText();
  return (
    <search className="search-field">
      <Icon name="search" />
      <input
        type="search"
        placeholder={t.people.placeholder}
        aria-label={t.people.title}
        onFocus={() => navigate(paths.search())}
        readOnly
      />
      <kbd aria-hidden="true">/</kbd>
    </search>
  );
}

// The column at the right of a wide window.
export function Aside() {
  const t = useText();
  const me = useMe();
  const { path } = usePlace();
  return (
    <aside className="aside" aria-label={t.nav.more}>
      {me && path !== "/search" && <QuickSearch />}
      {path !== paths.ranking && <TopPosts />}
      <p className="fine aside-foot">
        <a href="/docs">{t.nav.apiDocs}</a>
        <button type="button" className="text-button" onClick={() => show({ kind: "help" })}>
          {t.nav.shortcuts}
        </button>
        <span>마당 · Madang</span>
      </p>
    </aside>
  );
}
