-- The header `Location` of a stored answer; empty when it had none.
alter table idempotency_keys add column location varchar(300) not null default '';
