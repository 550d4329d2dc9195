-- Tells whether two instances sign with the same secret.
alter table nodes add column secret_mark varchar(64) not null default '';
