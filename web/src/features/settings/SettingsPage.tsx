import { PageHead } from "../../app/PageHead";
import { Link, paths, useTitle } from "../../app/router";
import { useMe } from "../../app/session";
import { useText } from "../../i18n";
import { AccountSettings } from "./AccountSettings";
import { AppearanceSettings } from "./AppearanceSettings";
import { DeviceSettings } from "./DeviceSettings";
import { ProfileSettings } from "./ProfileSettings";

const sections = ["profile", "appearance", "devices", "account"] as const;
type Section = (typeof sections)[number];

function sectionOf(text: string): Section {
  return sections.find((one) => one === text) ?? "profile";
}

export default function SettingsPage({ section }: { section: string }) {
  const t = useText();
  useTitle(t.settings.title);
  const me = useMe();
  const current = sectionOf(section);
  if (!me) return <AppearanceSettings />;
  return (
    <>
      <PageHead title={t.settings.title} />
      <nav className="tabs" aria-label={t.settings.title}>
        {sections.map((one) => (
          <Link
            key={one}
            to={paths.settings(one)}
            className="tab"
            aria-current={one === current ? "page" : undefined}
          >
            {t.settings[one]}
          </Link>
        ))}
      </nav>
      <div className="panels">
        {current === "profile" && <ProfileSettings me={me} />}
        {current === "appearance" && <AppearanceSettings />}
        {current === "devices" && <DeviceSettings />}
        {current === "account" && <AccountSettings me={me} />}
      </div>
    </>
  );
}
