import { useFormat, useNow } from "../i18n/format";

export function Time({ at }: { at: string }) {
  const format = useFormat();
  const now = useNow();
  return (
    <time dateTime={at} title={format.absolute(at)}>
      {format.relative(at, now)}
    </time>
  );
}
