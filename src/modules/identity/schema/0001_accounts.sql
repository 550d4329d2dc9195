create table accounts (
  id bigint not null primary key,
  email varchar(254),
  email_key varchar(254) unique,
  handle varchar(80) not null,
  handle_key varchar(160) not null unique,
  name varchar(200) not null,
  name_key varchar(400) not null,
  bio text not null,
  avatar_id bigint,
  avatar_url varchar(500),
  password_hash varchar(200) not null,
  is_admin integer not null,
  state integer not null,
  created_at bigint not null,
  updated_at bigint not null,
  withdrawn_at bigint
);
create index accounts_by_name on accounts (name_key);
create index accounts_by_withdrawal on accounts (state, withdrawn_at);
create table sessions (
  id bigint not null primary key,
  account_id bigint not null references accounts (id),
  token_hash blob not null unique,
  created_at bigint not null,
  last_used_at bigint not null,
  expires_at bigint not null,
  user_agent varchar(300) not null,
  address varchar(64) not null
);
create index sessions_by_account on sessions (account_id, id);
create index sessions_by_expiry on sessions (expires_at);
create table withdrawn_emails (
  email_hash blob not null primary key,
  withdrawn_at bigint not null
);
