import { useEffect, useRef } from "react";
import { Icon } from "../components/Icon";
import { textNow, useText } from "../i18n";
import { connection } from "./connection";
import { useStore } from "./store";
import { toast } from "./toasts";

export function ConnectionBanner() {
  const t = useText();
  const state = useStore(connection.state);
  const before = useRef(state);
  useEffect(() => {
    if (state === "online" && before.current !== "online") toast(textNow().connection.back);
    before.current = state;
  }, [state]);
  return (
    <div role="status">
      {state !== "online" && (
        <div className="banner">
          <Icon name="cloudOff" />
          <span>{state === "offline" ? t.connection.offline : t.connection.unreachable}</span>
          <button type="button" className="text-button" onClick={connection.probe}>
            {t.connection.retryNow}
          </button>
        </div>
      )}
    </div>
  );
}
