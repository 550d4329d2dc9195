import { useEffect, useRef, useState } from "react";
import { searchPeople } from "../../api/social";
import { useList } from "../../app/lists";
import { PageHead } from "../../app/PageHead";
import { navigate, paths, usePlace, useTitle } from "../../app/router";
import { Icon } from "../../components/Icon";
import { InfiniteList } from "../../components/InfiniteList";
import { Empty, PersonSkeleton } from "../../components/states";
import { useText } from "../../i18n";
import { keepPeople, personKey, PersonRow } from "../profile/PeopleList";
import { forgetVisits, recentPeople } from "./recent";

const pauseMs = 250;

function Results({ query }: { query: string }) {
  const t = useText();
  const [state, list] = useList(`search/${query}`, keepPeople(searchPeople(query)), personKey);
  return (
    <InfiniteList
      state={state}
      list={list}
      keyOf={personKey}
      skeleton={
        <>
          <PersonSkeleton />
          <PersonSkeleton />
        </>
      }
      empty={<Empty icon="search" title={t.people.none(query)} text={t.people.noneText} />}
    >
      {(user) => <PersonRow user={user} />}
    </InfiniteList>
  );
}

function Recent() {
  const t = useText();
  const [rows, setRows] = useState(recentPeople);
  if (rows.length === 0) return <Empty icon="search" title={t.people.title} text={t.people.hint} />;
  return (
    <section aria-labelledby="recent-title">
      <div className="section-head">
        <h2 id="recent-title">{t.people.recent}</h2>
        <button
          type="button"
          className="button ghost small"
          onClick={() => {
            forgetVisits();
            setRows([]);
          }}
        >
          {t.people.clear}
        </button>
      </div>
      {rows.map((user) => (
        <PersonRow key={user.id} user={user} />
      ))}
    </section>
  );
}

export function SearchPage() {
  const t = useText();
  useTitle(t.people.title);
  const { query: params, key } = usePlace();
  const query = params.get("q") ?? "";
  const [text, setText] = useState(query);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => input.current?.focus(), []);
  // The address may change without the field, by the back button.
  useEffect(() => setText((now) => (now.trim() === query ? now : query)), [query, key]);
  useEffect(() => {
    if (text.trim() === query) return undefined;
    const timer = setTimeout(() => navigate(paths.search(text.trim()), { replace: true }), pauseMs);
    return () => clearTimeout(timer);
  }, [text, query]);

  return (
    <>
      <PageHead title={t.people.title} />
      <search className="search-field">
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          value={text}
          maxLength={50}
          placeholder={t.people.placeholder}
          aria-label={t.people.title}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
        {text && (
          <button
            type="button"
            className="icon-button"
            aria-label={t.people.clear}
            onClick={() => setText("")}
          >
            <Icon name="close" />
          </button>
        )}
      </search>
      {query ? <Results key={query} query={query} /> : <Recent />}
    </>
  );
}
