import type { ReactNode } from "react";
import type { ApiError } from "../api/problem";
import { errorText, useText } from "../i18n";
import { Icon, type IconName } from "./Icon";
import { useWait } from "./useWait";

export function Empty({
  title,
  text,
  icon,
  children,
}: {
  title: string;
  text?: string;
  icon: IconName;
  children?: ReactNode;
}) {
  return (
    <div className="empty">
      <span className="empty-mark">
        <Icon name={icon} />
      </span>
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children && <div className="row center">{children}</div>}
    </div>
  );
}

export function Failed({ error, onRetry }: { error?: ApiError; onRetry: () => void }) {
  const t = useText();
  const waiting = useWait(error);
  return (
    <div className="empty" role="alert">
      <span className="empty-mark">
        <Icon name={error?.isNetwork ? "cloudOff" : "retry"} />
      </span>
      <h2>{t.state.failedTitle}</h2>
      {error && <p>{errorText(t, error)}</p>}
      <button type="button" className="button" disabled={waiting} onClick={onRetry}>
        {t.action.retry}
      </button>
      {error?.requestId && <p className="fine">{t.state.requestId(error.requestId)}</p>}
    </div>
  );
}

export function Loading({ label, children }: { label?: string; children: ReactNode }) {
  const t = useText();
  return (
    <div className="loading" role="status">
      <span className="sr-only">{label ?? t.state.loading}</span>
      <div aria-hidden="true">{children}</div>
    </div>
  );
}

export function PostSkeleton({ picture = false }: { picture?: boolean }) {
  return (
    <div className="post skeleton-card">
      <div className="post-head">
        <span className="bone round" />
        <span className="bone line short" />
      </div>
      <span className="bone line" />
      <span className="bone line mid" />
      {picture && <span className="bone picture" />}
    </div>
  );
}

export function PersonSkeleton() {
  return (
    <div className="person-row">
      <span className="bone round" />
      <div className="grow">
        <span className="bone line short" />
        <span className="bone line shorter" />
      </div>
    </div>
  );
}
