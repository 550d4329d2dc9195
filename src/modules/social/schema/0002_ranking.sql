-- What the ranking was at a moment: a list that was begun with it goes on with it, on any instance.
create table ranking_snapshots (
  taken_at bigint not null primary key,
  posts text not null
);
