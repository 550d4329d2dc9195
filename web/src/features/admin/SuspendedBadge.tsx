import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";

export function SuspendedBadge({ until }: { until: string | undefined }) {
  const t = useText();
  const format = useFormat();
  return (
    <span className="badge alarm">
      {until ? t.admin.suspendedUntil(format.absolute(until)) : t.admin.suspendedForGood}
    </span>
  );
}
