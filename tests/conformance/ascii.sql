-- A database without an encoding: what comes need not be UTF-8.
CREATE TABLE bytes (id int PRIMARY KEY, v text, j json);
CREATE PUBLICATION conformance FOR ALL TABLES;
