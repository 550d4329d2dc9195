import { useState } from "react";
import { liftSuspension, readSuspensions } from "../../api/admin";
import type { SuspendedAccount, UserCard } from "../../api/types";
import { toastFailure } from "../../app/failures";
import { useList } from "../../app/lists";
import { toast } from "../../app/toasts";
import { Avatar, shownName } from "../../components/Avatar";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { Time } from "../../components/Time";
import { useText } from "../../i18n";
import { SuspendedBadge } from "./SuspendedBadge";

const keyOf = (one: SuspendedAccount) => one.account.id;

function SuspensionRow({ one, onLifted }: { one: SuspendedAccount; onLifted: () => void }) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const user: UserCard = one.account;
  const lift = async () => {
    setBusy(true);
    try {
      await liftSuspension(user.id);
      toast(t.admin.lifted(shownName(user)));
      onLifted();
    } catch (error) {
      toastFailure(error);
      setBusy(false);
    }
  };
  return (
    <article className="report">
      <div className="row">
        <Avatar user={user} />
        <p className="grow">
          <span className="name">{shownName(user)}</span>{" "}
          <span className="handle">@{user.handle}</span>
        </p>
        <span className="fine">
          <Time at={one.suspended_at} />
        </span>
      </div>
      <p>
        <SuspendedBadge until={one.until ?? undefined} />
      </p>
      <p className="report-reason">{one.reason}</p>
      <div className="row">
        <button type="button" className="button small" disabled={busy} onClick={() => void lift()}>
          {t.admin.lift}
        </button>
        <span className="fine push-right">
          {t.admin.suspendedBy(one.suspended_by.handle ? shownName(one.suspended_by) : t.admin.gone)}
        </span>
      </div>
    </article>
  );
}

export function SuspensionsSection() {
  const t = useText();
  const [state, list] = useList("admin/suspensions", readSuspensions, keyOf);
  return (
    <InfiniteList
      state={state}
      list={list}
      keyOf={keyOf}
      skeleton={<PersonSkeleton />}
      empty={
        <Empty icon="shield" title={t.admin.noSuspensions} text={t.admin.noSuspensionsText} />
      }
    >
      {(one) => (
        <SuspensionRow
          one={one}
          onLifted={() =>
            list.update((items) => items.filter((other) => keyOf(other) !== keyOf(one)))
          }
        />
      )}
    </InfiniteList>
  );
}
