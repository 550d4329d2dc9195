-- Who serves from this store: the numbers in ids, each leased to one process at a time. Number -1 is
-- nobody's: who wants a number holds its row meanwhile.
create table nodes (
  number bigint not null primary key,
  holder varchar(64) not null,
  place varchar(64) not null,
  fence bigint not null,
  lease_until bigint not null,
  id_ceiling bigint not null,
  shares bigint not null
);
-- What `madang migrate-store` has brought here so far, a row a table; none when nothing is on its way.
create table store_copy (
  table_name varchar(64) not null primary key,
  source varchar(64) not null,
  last_row bigint not null,
  copied bigint not null
);
insert into nodes (number, holder, place, fence, lease_until, id_ceiling, shares) values (-1, '', '', 0, 0, 0, 0);
