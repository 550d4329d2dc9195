-- state: 0 waiting, 1 processing, 2 ready, 3 refused, 4 released (objects still to be removed)
create table media (
  id bigint not null primary key,
  owner_id bigint not null,
  purpose integer not null,
  content_type varchar(127) not null,
  bytes bigint not null,
  token varchar(32) not null,
  state integer not null,
  reason varchar(64),
  attempts integer not null,
  user_id bigint,
  colour integer not null,
  variants text not null,
  created_at bigint not null,
  updated_at bigint not null,
  check (state between 0 and 4),
  check (user_id is null or state = 2)
);
create index media_by_owner on media (owner_id, state);
create index media_by_state on media (state, updated_at);
-- What nobody uses has no user: the sweep finds it by its age.
create index media_by_user on media (user_id, state, created_at);
