-- A thread is what one line in the list stands for: the likes of a post, its comments, the new
-- followers of a day. Each new actor gives it a new, higher id, so that lists, read marks and event
-- streams only ever move forward. At most one unread thread a group.
create table notifications (
  thread bigint not null primary key,
  id bigint not null,
  account_id bigint not null,
  type integer not null,
  group_key varchar(40) not null,
  unread_key varchar(40),
  post_id bigint,
  comment_id bigint,
  actor_id bigint not null,
  actor_count bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  read_at bigint
);
create unique index notifications_unread on notifications (account_id, unread_key);
create unique index notifications_by_account on notifications (account_id, id);
-- Who was counted where. One row for each like, follow or comment, also after it was taken back:
-- doing it again notifies nobody a second time.
create table notification_actors (
  account_id bigint not null,
  type integer not null,
  subject_id bigint not null,
  actor_id bigint not null,
  item_id bigint not null,
  seq bigint not null,
  thread bigint not null,
  active integer not null,
  primary key (account_id, type, subject_id, actor_id, item_id)
);
create index notification_actors_by_thread on notification_actors (thread, active, seq);
create index notification_actors_by_actor on notification_actors (actor_id);
-- What the rows cannot say once some are gone: the account's highest id, and the highest one that was
-- removed because of its age or number.
create table notification_marks (
  account_id bigint not null primary key,
  last_id bigint not null,
  gone_id bigint not null
);
