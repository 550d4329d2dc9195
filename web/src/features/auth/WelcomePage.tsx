import { Link, paths, useTitle } from "../../app/router";
import { useText } from "../../i18n";
import { Yard } from "./Yard";

export function WelcomePage() {
  const t = useText();
  useTitle("");
  return (
    <div className="welcome">
      <div className="welcome-picture">
        <Yard />
      </div>
      <div className="welcome-text">
        <h1>{t.welcome.title}</h1>
        <p>{t.welcome.text}</p>
        <div className="row">
          <Link to={paths.signUp} className="button primary big">
            {t.welcome.join}
          </Link>
          <Link to={paths.signIn} className="button big">
            {t.action.signIn}
          </Link>
        </div>
        <Link to={paths.ranking} className="quiet-link">
          {t.welcome.lookAround} →
        </Link>
      </div>
    </div>
  );
}
