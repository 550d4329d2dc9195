import { useState } from "react";
import { readReports, resolveReport } from "../../api/social";
import type { Report } from "../../api/types";
import { toastFailure } from "../../app/failures";
import { useList } from "../../app/lists";
import { PageHead } from "../../app/PageHead";
import { Link, paths, useTitle } from "../../app/router";
import { useMe } from "../../app/session";
import { toast } from "../../app/toasts";
import { shownName } from "../../components/Avatar";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { Time } from "../../components/Time";
import { useText } from "../../i18n";

const keyOf = (report: Report) => report.id;

function ReportRow({ report, onResolved }: { report: Report; onResolved: (hidden: boolean) => void }) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const kind = report.comment ? t.admin.comment : report.post ? t.admin.post : t.admin.user;
  const target = report.post
    ? paths.post(report.post.id)
    : report.comment
      ? paths.post(report.comment.post_id)
      : report.user
        ? paths.user(report.user.handle)
        : undefined;
  const quote = report.post?.text ?? report.comment?.text ?? (report.user && `@${report.user.handle}`);
  const hidden = report.state === "hidden";
  const resolve = async (hide: boolean) => {
    setBusy(true);
    try {
      await resolveReport(report.id, hide);
      toast(hide ? t.admin.hidden : t.admin.kept);
      onResolved(hide);
    } catch (error) {
      toastFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <article className="report">
      <p className="row">
        <span className="badge strong">{kind}</span>
        <span className="fine">
          {t.admin.by(shownName(report.reporter))} · <Time at={report.created_at} />
        </span>
        <span className="badge push-right">
          {report.state === "open" ? t.admin.open : hidden ? t.admin.resolvedHidden : t.admin.resolvedKept}
        </span>
      </p>
      <p className="report-reason">{report.reason}</p>
      {quote && (
        <blockquote className="report-quote">{target ? <Link to={target}>{quote}</Link> : quote}</blockquote>
      )}
      <div className="row">
        <button type="button" className="button danger small" disabled={busy || hidden} onClick={() => void resolve(true)}>
          {t.admin.hide}
        </button>
        <button type="button" className="button small" disabled={busy} onClick={() => void resolve(false)}>
          {hidden ? t.admin.restore : t.admin.keep}
        </button>
      </div>
    </article>
  );
}

export default function ReportsPage() {
  const t = useText();
  useTitle(t.admin.title);
  const me = useMe();
  const [state, list] = useList("reports", readReports, keyOf);
  if (!me?.roles.includes("admin")) return <Empty icon="shield" title={t.admin.forbidden} />;
  const resolved = (id: number, hidden: boolean) =>
    list.update((items) =>
      items.map((one) => (one.id === id ? { ...one, state: hidden ? "hidden" : "kept" } : one)),
    );
  return (
    <>
      <PageHead title={t.admin.title} />
      <InfiniteList
        state={state}
        list={list}
        keyOf={keyOf}
        skeleton={<PersonSkeleton />}
        empty={<Empty icon="shield" title={t.admin.empty} text={t.admin.emptyText} />}
      >
        {(report) => <ReportRow report={report} onResolved={(hidden) => resolved(report.id, hidden)} />}
      </InfiniteList>
    </>
  );
}
