-- One of everything that a logical stream can carry. Sizes are such that logical_decoding_work_mem=64kB streams the large
-- transactions before their commit.

-- Values ----------------------------------------------------------------------------------------------------------
INSERT INTO every_type (id) VALUES (0);
INSERT INTO every_type VALUES (
  1, true, -32768, -2147483648, -9223372036854775808, 4294967295, 0.1, 0.1, 12345678901234567890.123456789000, -1.50, E'tab\tquote"\\ ä€😀',
  '', 'ab', 'a name', 'x', E'{"b": [1, 2.50, null],\n "a": "\\u00e4"}', '{"b": 1, "a": {"c": []}}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '\x00ff10', '2024-02-29', '23:59:59.999999', '01:02:03.5+05:30', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789+02', '1 year -2 days 03:04:05.6',
  '16/B374D848', '3', '18446744073709551615', '{1,NULL,3}', '{a,"b c",NULL,""}', '(1,2)', '10.0.0.0/8', '101', '12.34', '[1,5)', 'glad',
  '(1,"x y")', 7
);
INSERT INTO every_type VALUES (
  2, false, 32767, 2147483647, 9223372036854775807, 0, 'NaN', '-Infinity', 'NaN', 0, '', 'vär', '', '', '', '[]', 'null',
  '00000000-0000-0000-0000-000000000000', '', 'infinity', '00:00', '24:00-12', '-infinity', 'infinity', '0', '0/0', '0', '3',
  '{}', '{{a},{b}}', '(-1.5,1e+20)', '::1', '000', '-0.01', 'empty', 'sad', '(,)', 1
);
INSERT INTO every_type (id, c_float4, c_float8, c_numeric, c_date, c_timestamp, c_timestamptz, c_json, c_int4_array) VALUES
  (3, 1e20, 1e23, 1e-20, '0044-03-15 BC', '0044-03-15 12:00 BC', '4714-11-24 00:00+00 BC', '"\ud83d\ude00"', '[0:1]={1,2}'),
  (4, '-0', '-0', '1e40', '5874897-12-31', '294276-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999+00', ' 1e400 ', '{{1,2},{3,4}}'),
  (5, 3.4028235e38, 5e-324, 'Infinity', '-infinity', '2000-01-01', '2000-01-01+00', '"\ud800"', NULL);

-- Old rows --------------------------------------------------------------------------------------------------------
INSERT INTO key_default VALUES (1, 1, repeat('0123456789', 900), NULL), (2, 2, NULL, ''), (3, 3, 'short', 'x');
UPDATE key_default SET note = 'wide is not sent' WHERE id = 1;
UPDATE key_default SET id = 20 WHERE id = 2;
UPDATE key_default SET wide = NULL WHERE id = 1;
DELETE FROM key_default WHERE id = 20;
INSERT INTO key_index VALUES (1, 'one', NULL), (2, 'two', 'x');
UPDATE key_index SET b = 'eins' WHERE a = 1;
UPDATE key_index SET c = 'y' WHERE a = 2;
DELETE FROM key_index;
INSERT INTO key_full VALUES (1, NULL, repeat('9876543210', 900)), (1, 'a', '');
UPDATE key_full SET v = 'b';
DELETE FROM key_full;
INSERT INTO key_none VALUES ('only inserts are published'), (NULL);
UPDATE key_none SET v = 'not seen';
INSERT INTO "Odd ""name"""."Täble\ 1" VALUES (1, E'a\nb');
UPDATE "Odd ""name"""."Täble\ 1" SET "Key" = 2;
INSERT INTO unpublished VALUES (1);

-- Transactions ----------------------------------------------------------------------------------------------------
BEGIN;
INSERT INTO parent VALUES (1);
SAVEPOINT a;
INSERT INTO parent VALUES (99);
ROLLBACK TO a;
SAVEPOINT b;
INSERT INTO child VALUES (1, 1);
RELEASE b;
SELECT pg_logical_emit_message(true, 'inside', 'kept');
COMMIT;
BEGIN;
INSERT INTO parent VALUES (98);
SELECT pg_logical_emit_message(true, 'inside', 'lost');
SELECT pg_logical_emit_message(false, 'outside', 'survives the rollback');
ROLLBACK;
SELECT pg_logical_emit_message(false, '', '');
SELECT pg_logical_emit_message(false, 'bytes', '\x00ff0a'::bytea);
SELECT pg_logical_emit_message(false, 'präfix "quoted"', E'{"json": "inside"}\n');

-- Begun first, committed last.
-- session 1
BEGIN;
INSERT INTO parent VALUES (10);
-- session 2
BEGIN;
INSERT INTO parent VALUES (11);
-- session 1
INSERT INTO child VALUES (10, 10);
-- session 2
INSERT INTO child VALUES (11, 11);
COMMIT;
-- session 1
COMMIT;
-- session 0
TRUNCATE key_default;
TRUNCATE parent, key_full RESTART IDENTITY CASCADE;
ALTER TABLE child ADD COLUMN mood mood, ADD COLUMN name varchar(10), ADD COLUMN price numeric(10, 2);
INSERT INTO child VALUES (12, NULL, 'glad', 'new', 1.5);
ALTER TABLE child DROP COLUMN parent, REPLICA IDENTITY FULL;
UPDATE child SET mood = 'sad';
ALTER TABLE child RENAME TO kind;
INSERT INTO kind VALUES (13, NULL, NULL, 0);

-- Origins ---------------------------------------------------------------------------------------------------------
SELECT pg_replication_origin_create('walstream_conformance');
SELECT pg_replication_origin_session_setup('walstream_conformance');
BEGIN;
SELECT pg_replication_origin_xact_setup('16/B374D848', '2024-05-01 10:20:30+00');
INSERT INTO parent VALUES (20);
COMMIT;
SELECT pg_replication_origin_session_reset();

-- Prepared transactions -------------------------------------------------------------------------------------------
BEGIN;
INSERT INTO parent VALUES (30);
PREPARE TRANSACTION 'walstream conformance: commit';
INSERT INTO parent VALUES (31);
COMMIT PREPARED 'walstream conformance: commit';
BEGIN;
INSERT INTO parent VALUES (32);
PREPARE TRANSACTION 'walstream conformance: rollback';
ROLLBACK PREPARED 'walstream conformance: rollback';

-- Large transactions ----------------------------------------------------------------------------------------------
INSERT INTO big SELECT g, repeat('x', 200) FROM generate_series(1, 600) g;
BEGIN;
INSERT INTO big SELECT g, repeat('y', 200) FROM generate_series(1001, 1400) g;
SAVEPOINT a;
INSERT INTO big SELECT g, repeat('z', 200) FROM generate_series(2001, 2400) g;
SELECT pg_logical_emit_message(true, 'in a block', 'rolled back');
ROLLBACK TO a;
SELECT pg_logical_emit_message(true, 'in a block', 'kept');
INSERT INTO big SELECT g, repeat('w', 200) FROM generate_series(3001, 3400) g;
COMMIT;
BEGIN;
INSERT INTO big SELECT g, repeat('v', 200) FROM generate_series(4001, 4600) g;
ROLLBACK;
BEGIN;
INSERT INTO big SELECT g, repeat('u', 200) FROM generate_series(5001, 5600) g;
PREPARE TRANSACTION 'walstream conformance: large';
COMMIT PREPARED 'walstream conformance: large';

-- Two large ones at once: their blocks interleave.
-- session 1
BEGIN;
INSERT INTO big SELECT g, repeat('s', 200) FROM generate_series(6001, 6400) g;
-- session 2
BEGIN;
INSERT INTO big SELECT g, repeat('t', 200) FROM generate_series(7001, 7400) g;
-- session 1
INSERT INTO big SELECT g, repeat('s', 200) FROM generate_series(6401, 6800) g;
TRUNCATE key_full;
COMMIT;
-- session 2
INSERT INTO big SELECT g, repeat('t', 200) FROM generate_series(7401, 7800) g;
COMMIT;
-- session 0
SELECT pg_logical_emit_message(true, 'end', '');
