-- only: sqlite
create table outbox (
  seq integer primary key,
  type varchar(64) not null,
  aggregate bigint not null,
  payload mediumtext not null,
  created_at bigint not null
);
-- Where several transactions commit at a time, rows are numbered after their commit, in the order of
-- their arrival, by whoever holds the lease on event_sequencer.
-- only: mariadb
create table outbox (
  arrival integer primary key,
  seq bigint unique,
  type varchar(64) not null,
  aggregate bigint not null,
  payload mediumtext not null,
  created_at bigint not null
);
-- only: mariadb
create table event_sequencer (
  id bigint not null primary key,
  last_seq bigint not null,
  holder varchar(64) not null,
  fence bigint not null,
  lease_until bigint not null
);
-- only: mariadb
insert into event_sequencer (id, last_seq, holder, fence, lease_until) values (1, 0, '', 0, 0);
create table event_positions (
  subscriber varchar(64) not null primary key,
  seq bigint not null,
  holder varchar(64) not null,
  lease_until bigint not null
);
create table event_parked (
  subscriber varchar(64) not null,
  seq bigint not null,
  aggregate bigint not null,
  type varchar(64) not null,
  payload mediumtext not null,
  created_at bigint not null,
  reason text not null,
  attempts integer not null,
  next_attempt_at bigint not null,
  dead integer not null,
  primary key (subscriber, seq)
);
create index event_parked_by_aggregate on event_parked (subscriber, aggregate, seq);
