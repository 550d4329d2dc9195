create table idempotency_keys (
  account_id bigint not null,
  route varchar(200) not null,
  idem_key varchar(255) not null,
  body_hash blob not null,
  status integer not null,
  answer mediumtext not null,
  created_at bigint not null,
  primary key (account_id, route, idem_key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
