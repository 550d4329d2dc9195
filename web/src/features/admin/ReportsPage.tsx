import { useState } from "react";
import { readReports, resolveReport } from "../../api/social";
import type { Report, ReportState } from "../../api/types";
import { toastFailure } from "../../app/failures";
import { useList } from "../../app/lists";
import { PageHead } from "../../app/PageHead";
import { Link, paths, useTitle } from "../../app/router";
import { useMe } from "../../app/session";
import { toast } from "../../app/toasts";
import { shownName } from "../../components/Avatar";
import { Choice } from "../../components/Choice";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { Time } from "../../components/Time";
import { useText } from "../../i18n";
import type { Dictionary } from "../../i18n/ko";

const keyOf = (report: Report) => report.id;
const reasons = ["spam", "abuse", "sexual", "stolen", "other"] as const;

// The page's own report dialog sends "<reason>: <details>".
function reasonText(t: Dictionary, text: string): string {
  const known = reasons.find((one) => text === one || text.startsWith(`${one}: `));
  return known ? t.report[known] + text.slice(known.length) : text;
}

function targetOf(report: Report): string | undefined {
  if (report.post_id) return paths.post(report.post_id);
  if (report.user_id && report.author) return paths.user(report.author.handle);
  return undefined;
}

function ReportRow({ report, onResolved }: { report: Report; onResolved: () => void }) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const kind = report.comment_id ? t.admin.comment : report.post_id ? t.admin.post : t.admin.user;
  const target = targetOf(report);
  const quote = report.text || (report.author && `@${report.author.handle}`);
  const hidden = report.state === "hidden";
  const resolve = async (hide: boolean) => {
    setBusy(true);
    try {
      await resolveReport(report.id, hide);
      toast(hide ? t.admin.hidden : t.admin.kept);
      onResolved();
    } catch (error) {
      toastFailure(error);
      setBusy(false);
    }
  };
  return (
    <article className="report">
      <p className="row">
        <span className="badge strong">{kind}</span>
        {report.author && (
          <Link to={paths.user(report.author.handle)} className="name">
            {shownName(report.author)}
          </Link>
        )}
        <span className="fine push-right">
          <Time at={report.created_at} />
        </span>
      </p>
      {quote && (
        <blockquote className="report-quote">
          {target ? <Link to={target}>{quote}</Link> : quote}
        </blockquote>
      )}
      <p className="report-reason">{reasonText(t, report.reason)}</p>
      <div className="row">
        {!hidden && (
          <button
            type="button"
            className="button danger small"
            disabled={busy}
            onClick={() => void resolve(true)}
          >
            {t.admin.hide}
          </button>
        )}
        {report.state !== "kept" && (
          <button
            type="button"
            className="button small"
            disabled={busy}
            onClick={() => void resolve(false)}
          >
            {hidden ? t.admin.restore : t.admin.keep}
          </button>
        )}
        <span className="fine push-right">{t.admin.by(shownName(report.reporter))}</span>
      </div>
    </article>
  );
}

function Reports({ state: wanted }: { state: ReportState }) {
  const t = useText();
  const [state, list] = useList(`reports/${wanted}`, readReports(wanted), keyOf);
  return (
    <InfiniteList
      state={state}
      list={list}
      keyOf={keyOf}
      skeleton={<PersonSkeleton />}
      empty={<Empty icon="shield" title={t.admin.empty} text={t.admin.emptyText} />}
    >
      {(report) => (
        <ReportRow
          report={report}
          onResolved={() => list.update((items) => items.filter((one) => one.id !== report.id))}
        />
      )}
    </InfiniteList>
  );
}

export default function ReportsPage() {
  const t = useText();
  useTitle(t.admin.title);
  const me = useMe();
  const [wanted, setWanted] = useState<ReportState>("open");
  if (!me?.roles.includes("admin")) return <Empty icon="shield" title={t.admin.forbidden} />;
  const options = [
    { value: "open" as const, label: t.admin.open },
    { value: "hidden" as const, label: t.admin.resolvedHidden },
    { value: "kept" as const, label: t.admin.resolvedKept },
  ];
  return (
    <>
      <PageHead title={t.admin.title} />
      <div className="report-filter">
        <Choice label={t.admin.state} options={options} value={wanted} onChange={setWanted} />
      </div>
      <Reports key={wanted} state={wanted} />
    </>
  );
}
