-- The accounts and the database of a new server; the same on each, so none of it is replicated.
set sql_log_bin = 0;
flush privileges;
create user 'madang'@'%' identified by 'madang';
grant all on madang.* to 'madang'@'%';
grant binlog monitor, slave monitor on *.* to 'madang'@'%';
create user 'replication'@'%' identified by 'replication';
grant replication slave on *.* to 'replication'@'%';
create user 'exporter'@'%' identified by 'exporter';
grant process, binlog monitor, slave monitor, select on *.* to 'exporter'@'%';
create database madang character set utf8mb4 collate utf8mb4_bin;
