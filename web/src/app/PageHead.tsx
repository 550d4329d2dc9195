import type { ReactNode } from "react";
import { Icon } from "../components/Icon";
import { useText } from "../i18n";
import { navigate, paths } from "./router";

// Back goes to where one came from, or home when the page was opened by its address.
function goBack(): void {
  if (history.length > 1) history.back();
  else navigate(paths.home);
}

export function PageHead({ title, back = false, children }: { title: ReactNode; back?: boolean; children?: ReactNode }) {
  const t = useText();
  return (
    <header className="page-head">
      {back && (
        <button type="button" className="icon-button" aria-label={t.nav.back} onClick={goBack}>
          <Icon name="left" />
        </button>
      )}
      <h1>{title}</h1>
      {children}
    </header>
  );
}
