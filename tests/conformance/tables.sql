-- The tables of the workload. Everything here happens before the slots are made.
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE SCHEMA "Odd ""name""";

-- A column of every type that is converted, and of some that are not.
CREATE TABLE every_type (
  id int PRIMARY KEY, c_bool bool, c_int2 int2, c_int4 int4, c_int8 int8, c_oid oid, c_float4 float4, c_float8 float8, c_numeric numeric,
  c_numeric_2 numeric(12, 2), c_text text, c_varchar varchar(20), c_bpchar char(5), c_name name, c_char "char", c_json json, c_jsonb jsonb,
  c_uuid uuid, c_bytea bytea, c_date date, c_time time, c_timetz timetz, c_timestamp timestamp, c_timestamptz timestamptz,
  c_interval interval, c_pg_lsn pg_lsn, c_xid xid, c_xid8 xid8, c_int4_array int4[], c_text_array text[], c_point point, c_inet inet,
  c_bit bit(3), c_money money, c_range int4range, c_mood mood, c_pair pair, c_positive positive
);

CREATE TABLE key_default (id int PRIMARY KEY, part int, wide text, note text);
ALTER TABLE key_default ALTER wide SET STORAGE EXTERNAL;
CREATE TABLE key_index (a int NOT NULL, b text NOT NULL, c text);
CREATE UNIQUE INDEX key_index_b_a ON key_index (b, a);
ALTER TABLE key_index REPLICA IDENTITY USING INDEX key_index_b_a;
CREATE TABLE key_full (id int, v text, wide text);
ALTER TABLE key_full REPLICA IDENTITY FULL;
ALTER TABLE key_full ALTER wide SET STORAGE EXTERNAL;
CREATE TABLE key_none (v text);
CREATE TABLE "Odd ""name"""."Täble\ 1" ("Key" int PRIMARY KEY, "a ""b""	c" text);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
CREATE TABLE unpublished (id int PRIMARY KEY);
CREATE TABLE big (id int PRIMARY KEY, v text);

CREATE PUBLICATION conformance FOR TABLE every_type, key_default, key_index, key_full, "Odd ""name"""."Täble\ 1", parent, child, big;
CREATE PUBLICATION conformance_inserts FOR TABLE key_none WITH (publish = 'insert');
