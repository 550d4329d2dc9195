-- When an event was set aside, and when it was last tried.
alter table event_parked add column parked_at bigint not null default 0;
alter table event_parked add column last_attempt_at bigint not null default 0;
update event_parked set parked_at = created_at,
  last_attempt_at = case when next_attempt_at > created_at then next_attempt_at else created_at end;
create index event_parked_by_age on event_parked (dead, last_attempt_at);
create index event_parked_by_seq on event_parked (seq, subscriber);
