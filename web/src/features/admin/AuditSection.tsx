import { readAudit } from "../../api/admin";
import type { AuditRecord, UserCard } from "../../api/types";
import { useList } from "../../app/lists";
import { Link, paths } from "../../app/router";
import { shownName } from "../../components/Avatar";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";

const keyOf = (record: AuditRecord) => record.id;
const harsh = new Set<AuditRecord["action"]>(["account_suspended", "content_hidden"]);

function AuditRow({ record }: { record: AuditRecord }) {
  const t = useText();
  const format = useFormat();
  const who = (card: UserCard) => (card.handle ? `@${card.handle}` : t.admin.gone);
  const { account, post_id: post, comment_id: comment } = record;
  return (
    <article className="audit-row">
      <p className="row">
        <span className={harsh.has(record.action) ? "badge alarm" : "badge strong"}>
          {t.admin.deeds[record.action]}
        </span>
        {comment && <span className="fine">{t.admin.comment}</span>}
        {post && <Link to={paths.post(post)}>{t.admin.post}</Link>}
        {account && (
          <Link to={paths.user(account.handle)} className="name">
            {who(account)}
          </Link>
        )}
      </p>
      {record.reason && <p className="report-reason">{record.reason}</p>}
      <p className="fine">
        {record.admin.id === 0 ? t.admin.itself : shownName(record.admin)} ·{" "}
        <time dateTime={record.created_at}>{format.absolute(record.created_at)}</time>
      </p>
    </article>
  );
}

export function AuditSection() {
  const t = useText();
  const [state, list] = useList("admin/audit", readAudit, keyOf);
  return (
    <InfiniteList
      state={state}
      list={list}
      keyOf={keyOf}
      skeleton={<PersonSkeleton />}
      empty={<Empty icon="list" title={t.admin.noAudit} text={t.admin.noAuditText} />}
    >
      {(record) => <AuditRow record={record} />}
    </InfiniteList>
  );
}
