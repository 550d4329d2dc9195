-- Accounts in state 3. Without `until`: for good. The row goes when the suspension ends.
create table suspensions (
  account_id bigint not null primary key references accounts (id),
  reason text not null,
  until_at bigint,
  suspended_at bigint not null,
  suspended_by bigint not null
);
create index suspensions_by_time on suspensions (suspended_at, account_id);
create index suspensions_by_end on suspensions (until_at);
-- What admins did to people and to what people wrote.
create table audit_log (
  id bigint not null primary key,
  admin_id bigint not null,
  action integer not null,
  account_id bigint,
  post_id bigint,
  comment_id bigint,
  reason text not null,
  created_at bigint not null
);
create index audit_log_by_account on audit_log (account_id);
create index audit_log_by_time on audit_log (created_at);
