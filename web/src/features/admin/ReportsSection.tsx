import { useState } from "react";
import { liftSuspension, readReports, resolveReport } from "../../api/admin";
import type { PostMedia, Report, ReportState } from "../../api/types";
import { toastFailure } from "../../app/failures";
import { useList } from "../../app/lists";
import { Link, paths } from "../../app/router";
import { useMe } from "../../app/session";
import { toast } from "../../app/toasts";
import { show } from "../../app/ui";
import { shownName } from "../../components/Avatar";
import { Choice } from "../../components/Choice";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { Time } from "../../components/Time";
import { useText } from "../../i18n";
import type { Dictionary } from "../../i18n/ko";
import { SuspendedBadge } from "./SuspendedBadge";

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

// What is to be judged, also when nobody else can see it any more.
function ReportedPictures({ media, by }: { media: PostMedia[]; by: string }) {
  const t = useText();
  return (
    <div className="report-pictures">
      {media.map((picture, index) => {
        const small = picture.variants
          ?.filter((one) => one.width >= 200)
          .sort((a, b) => a.width - b.width)[0];
        const label = t.post.picture(by, index + 1, media.length);
        return (
          <button
            key={picture.id}
            type="button"
            aria-label={`${t.post.openPicture}: ${label}`}
            onClick={() => show({ kind: "pictures", media, index, by })}
          >
            <img src={small?.url ?? picture.url} alt={label} loading="lazy" decoding="async" />
          </button>
        );
      })}
    </div>
  );
}

interface ActionsProps {
  report: Report;
  onResolved: () => void;
  onChanged: (report: Report) => void;
}

function ReportActions({ report, onResolved, onChanged }: ActionsProps) {
  const t = useText();
  const me = useMe();
  const [busy, setBusy] = useState(false);
  const { author, suspension, user_id: ofPerson } = report;
  const hidden = report.state === "hidden";
  const run = async (act: () => Promise<unknown>, done: () => void) => {
    setBusy(true);
    try {
      await act();
      done();
    } catch (error) {
      toastFailure(error);
    }
    setBusy(false);
  };
  const resolve = (hide: boolean) =>
    run(
      () => resolveReport(report.id, hide),
      () => {
        toast(hide ? t.admin.hidden : t.admin.kept);
        onResolved();
      },
    );
  const lift = () =>
    author &&
    run(
      () => liftSuspension(author.id),
      () => {
        toast(t.admin.lifted(shownName(author)));
        onChanged({ ...report, suspension: undefined });
      },
    );
  const suspend = () =>
    author &&
    show({
      kind: "suspend",
      user: author,
      done: ofPerson && report.state === "open" ? onResolved : () => onChanged(report),
    });
  return (
    <div className="row">
      {!hidden && !ofPerson && (
        <button
          type="button"
          className="button danger small"
          disabled={busy}
          onClick={() => void resolve(true)}
        >
          {t.admin.hide}
        </button>
      )}
      {author?.handle && author.id !== me?.id && !suspension && (
        <button type="button" className="button danger small" disabled={busy} onClick={suspend}>
          {ofPerson ? t.admin.suspend : t.admin.suspendAuthor}
        </button>
      )}
      {(report.state === "open" || hidden) && (
        <button
          type="button"
          className="button small"
          disabled={busy}
          onClick={() => void resolve(false)}
        >
          {hidden ? t.admin.restore : t.admin.keep}
        </button>
      )}
      {suspension && (
        <button type="button" className="button small" disabled={busy} onClick={() => void lift()}>
          {t.admin.lift}
        </button>
      )}
      <span className="fine push-right">{t.admin.by(shownName(report.reporter))}</span>
    </div>
  );
}

function ReportRow(props: ActionsProps) {
  const { report } = props;
  const t = useText();
  const kind = report.comment_id ? t.admin.comment : report.post_id ? t.admin.post : t.admin.user;
  const target = targetOf(report);
  const quote = report.text || (report.author?.handle && `@${report.author.handle}`);
  return (
    <article className="report">
      <p className="row">
        <span className="badge strong">{kind}</span>
        {report.author?.handle && (
          <Link to={paths.user(report.author.handle)} className="name">
            {shownName(report.author)}
          </Link>
        )}
        {report.suspension && <SuspendedBadge until={report.suspension.until ?? undefined} />}
        <span className="fine push-right">
          <Time at={report.created_at} />
        </span>
      </p>
      {quote && (
        <blockquote className="report-quote">
          {target ? <Link to={target}>{quote}</Link> : quote}
        </blockquote>
      )}
      {report.media.length > 0 && (
        <ReportedPictures
          media={report.media}
          by={report.author ? shownName(report.author) : t.admin.gone}
        />
      )}
      <p className="report-reason">{reasonText(t, report.reason)}</p>
      <ReportActions {...props} />
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
          onChanged={() => void list.load()}
        />
      )}
    </InfiniteList>
  );
}

export function ReportsSection() {
  const t = useText();
  const [wanted, setWanted] = useState<ReportState>("open");
  const options = [
    { value: "open" as const, label: t.admin.open },
    { value: "hidden" as const, label: t.admin.resolvedHidden },
    { value: "suspended" as const, label: t.admin.resolvedSuspended },
    { value: "kept" as const, label: t.admin.resolvedKept },
  ];
  return (
    <>
      <div className="report-filter">
        <Choice label={t.admin.state} options={options} value={wanted} onChange={setWanted} />
      </div>
      <Reports key={wanted} state={wanted} />
    </>
  );
}
