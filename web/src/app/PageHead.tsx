import type { ReactNode } from "react";
import { Icon } from "../components/Icon";
import { useText } from "../i18n";
import { navigate, paths } from "./router";

// Back goes to where one came from, or home when the page was opened by its address.
function goBack(): void {
  if (history.length > 1) history.back();
  else navigate(paths.home);
}

interface PageHeadProps {
  title: ReactNode;
  back?: boolean;
  // A phone shows the brand there instead.
  home?: boolean;
  children?: ReactNode;
}

export function PageHead({ title, back = false, home = false, children }: PageHeadProps) {
  const t = useText();
  return (
    <header className={home ? "page-head home" : "page-head"}>
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
