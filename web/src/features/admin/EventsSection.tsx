import { useState } from "react";
import {
  discardEvent,
  discardEvents,
  readParked,
  retryEvent,
  retryEvents,
} from "../../api/admin";
import type { ParkedEvent, ParkedState } from "../../api/types";
import { toastFailure } from "../../app/failures";
import { useList } from "../../app/lists";
import { toast } from "../../app/toasts";
import { show } from "../../app/ui";
import { Choice } from "../../components/Choice";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";

const keyOf = (event: ParkedEvent) => `${event.subscriber}/${event.seq}`;

function Facts({ event }: { event: ParkedEvent }) {
  const t = useText();
  const format = useFormat();
  const times = [
    [t.admin.happened, event.created_at],
    [t.admin.firstTry, event.parked_at],
    [t.admin.lastTry, event.last_attempt_at],
    [t.admin.nextTry, event.next_attempt_at],
  ] as const;
  return (
    <dl className="facts">
      <div>
        <dt>{t.admin.subscriber}</dt>
        <dd>{event.subscriber}</dd>
      </div>
      <div>
        <dt>{t.admin.aggregate}</dt>
        <dd>{event.aggregate}</dd>
      </div>
      {times.map(
        ([name, at]) =>
          at && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <time dateTime={at}>{format.absolute(at)}</time>
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}

interface RowProps {
  event: ParkedEvent;
  onRetry: () => void;
  onDiscard: () => void;
}

function EventRow({ event, onRetry, onDiscard }: RowProps) {
  const t = useText();
  const format = useFormat();
  const dead = event.state === "dead";
  return (
    <article className="report">
      <p className="row">
        <span className={dead ? "badge alarm" : "badge strong"}>
          {t.admin.eventStates[event.state]}
        </span>
        <code>{event.type}</code>
        <span className="fine push-right">{t.admin.attempts(format.count(event.attempts))}</span>
      </p>
      <p className="event-reason">{event.reason}</p>
      <Facts event={event} />
      <div className="row">
        <button type="button" className="button small" onClick={onRetry}>
          {t.admin.retryOne}
        </button>
        {dead && (
          <button type="button" className="button danger small" onClick={onDiscard}>
            {t.admin.discard}
          </button>
        )}
      </div>
    </article>
  );
}

function Events({ wanted }: { wanted: ParkedState | undefined }) {
  const t = useText();
  const format = useFormat();
  const [state, list] = useList(`admin/events/${wanted}`, readParked(wanted), keyOf);
  const retry = async (act: () => Promise<{ retried: number }>) => {
    try {
      toast(t.admin.retried(format.count((await act()).retried)));
      await list.load();
    } catch (error) {
      toastFailure(error);
    }
  };
  const askToDiscard = (act: () => Promise<number>) =>
    show({
      kind: "confirm",
      title: t.admin.discardTitle,
      text: t.admin.discardText,
      action: t.admin.discard,
      danger: true,
      run: async () => {
        toast(t.admin.discarded(format.count(await act())));
        await list.load();
      },
    });
  const discardOne = async (event: ParkedEvent) => {
    await discardEvent(event.subscriber, event.seq);
    return 1;
  };
  return (
    <>
      <div className="row admin-actions">
        <button type="button" className="button small" onClick={() => void list.load()}>
          {t.admin.refresh}
        </button>
        {state.items.length > 0 && (
          <button type="button" className="button small" onClick={() => void retry(retryEvents)}>
            {t.admin.retryAll}
          </button>
        )}
        {state.items.some((event) => event.state === "dead") && (
          <button
            type="button"
            className="button danger small"
            onClick={() => askToDiscard(async () => (await discardEvents()).discarded)}
          >
            {t.admin.discardAll}
          </button>
        )}
      </div>
      <InfiniteList
        state={state}
        list={list}
        keyOf={keyOf}
        skeleton={<PersonSkeleton />}
        empty={<Empty icon="check" title={t.admin.noEvents} text={t.admin.noEventsText} />}
      >
        {(event) => (
          <EventRow
            event={event}
            onRetry={() => void retry(() => retryEvent(event.subscriber, event.seq))}
            onDiscard={() => askToDiscard(() => discardOne(event))}
          />
        )}
      </InfiniteList>
    </>
  );
}

export function EventsSection() {
  const t = useText();
  const [wanted, setWanted] = useState<ParkedState | "all">("all");
  const options = [
    { value: "all" as const, label: t.admin.anyState },
    { value: "dead" as const, label: t.admin.eventStates.dead },
    { value: "parked" as const, label: t.admin.eventStates.parked },
  ];
  return (
    <>
      <div className="report-filter">
        <Choice label={t.admin.state} options={options} value={wanted} onChange={setWanted} />
      </div>
      <Events key={wanted} wanted={wanted === "all" ? undefined : wanted} />
    </>
  );
}
