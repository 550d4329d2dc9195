import type { ReactNode } from "react";
import { PageHead } from "../../app/PageHead";
import { Link, paths, useTitle } from "../../app/router";
import { useMe } from "../../app/session";
import { Empty } from "../../components/states";
import { useText } from "../../i18n";
import { AuditSection } from "./AuditSection";
import { EventsSection } from "./EventsSection";
import { ReportsSection } from "./ReportsSection";
import { SuspensionsSection } from "./SuspensionsSection";

const sections: Record<"reports" | "suspensions" | "events" | "audit", () => ReactNode> = {
  reports: () => <ReportsSection />,
  suspensions: () => <SuspensionsSection />,
  events: () => <EventsSection />,
  audit: () => <AuditSection />,
};
type Section = keyof typeof sections;

export default function AdminPage({ section }: { section: string }) {
  const t = useText();
  useTitle(t.admin.title);
  const me = useMe();
  if (!me?.roles.includes("admin")) return <Empty icon="shield" title={t.admin.forbidden} />;
  return (
    <>
      <PageHead title={t.admin.title} />
      <nav className="tabs" aria-label={t.admin.title}>
        {(Object.keys(sections) as Section[]).map((one) => (
          <Link
            key={one}
            to={paths.admin(one)}
            className="tab"
            aria-current={one === section ? "page" : undefined}
          >
            {t.admin[one]}
          </Link>
        ))}
      </nav>
      {sections[section as Section]()}
    </>
  );
}
