-- A town that is being founded: what it was planned from, and how far it is. No row otherwise.
create table seed_progress (
  id integer not null primary key,
  people bigint not null,
  seed bigint not null,
  drawings bigint not null,
  planned_at bigint not null,
  stage integer not null,
  done bigint not null
);
