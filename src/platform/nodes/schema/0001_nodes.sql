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
insert into nodes (number, holder, place, fence, lease_until, id_ceiling, shares) values (-1, '', '', 0, 0, 0, 0);
