import { Fragment, useEffect, useRef, type ReactNode } from "react";
import type { ListState } from "../app/lists";
import { errorText, useText } from "../i18n";
import { Failed, Loading } from "./states";

interface InfiniteListProps<T> {
  state: ListState<T>;
  list: { retry: () => Promise<void>; more: () => Promise<void> };
  keyOf: (item: T) => number | string;
  children: (item: T, index: number) => ReactNode;
  skeleton: ReactNode;
  empty: ReactNode;
  end?: ReactNode;
  className?: string;
}

// How far before the end the next page is asked for.
const lookAhead = "1000px 0px";

function Sentinel({ onReach, busy }: { onReach: () => void; busy: boolean }) {
  const ref = useRef<HTMLDivElement>(null);
  const reach = useRef(onReach);
  reach.current = onReach;
  useEffect(() => {
    if (busy) return undefined;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && reach.current(),
      { rootMargin: lookAhead },
    );
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, [busy]);
  return <div ref={ref} className="sentinel" />;
}

export function InfiniteList<T>(props: InfiniteListProps<T>) {
  const { state, list, keyOf, children, skeleton, empty, end, className } = props;
  const t = useText();
  if (state.status === "failed")
    return <Failed error={state.error} onRetry={() => void list.retry()} />;
  if (state.status === "empty" || state.status === "loading") return <Loading>{skeleton}</Loading>;
  if (state.items.length === 0 && !state.cursor) return empty;
  return (
    <>
      <div className={className} aria-busy={state.status === "more"}>
        {state.items.map((item, index) => (
          <Fragment key={keyOf(item)}>{children(item, index)}</Fragment>
        ))}
      </div>
      {state.status === "more-failed" && (
        <div className="more-failed" role="alert">
          <span>{state.error && errorText(t, state.error)}</span>
          <button type="button" className="button small" onClick={() => void list.retry()}>
            {t.action.retry}
          </button>
        </div>
      )}
      {state.cursor && state.status !== "more-failed" && (
        <Sentinel busy={state.status === "more"} onReach={() => void list.more()} />
      )}
      {state.status === "more" && <Loading>{skeleton}</Loading>}
      {!state.cursor && state.status === "ready" && end}
    </>
  );
}
