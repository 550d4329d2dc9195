import { useStore } from "../../app/store";
import { setTheme, theme, themes, type Theme } from "../../app/theme";
import { Choice } from "../../components/Choice";
import { languageName, languages, setLanguage, useLanguage, useText } from "../../i18n";

export function AppearanceSettings() {
  const t = useText();
  const language = useLanguage();
  const chosen = useStore(theme);
  const names: Record<Theme, string> = {
    auto: t.settings.themeAuto,
    light: t.settings.themeLight,
    dark: t.settings.themeDark,
  };
  return (
    <section className="panel" aria-labelledby="appearance-title">
      <h2 id="appearance-title">{t.settings.appearance}</h2>
      <Choice
        label={t.settings.language}
        value={language}
        options={languages.map((value) => ({ value, label: languageName(value) }))}
        onChange={setLanguage}
      />
      <Choice
        label={t.settings.theme}
        value={chosen}
        options={themes.map((value) => ({ value, label: names[value] }))}
        onChange={setTheme}
      />
    </section>
  );
}
