SET client_encoding = 'SQL_ASCII';
INSERT INTO bytes VALUES (1, E'plain', '{"a": 1}');
INSERT INTO bytes VALUES (2, E'\xE4\xC3\xA4\xFF', NULL), (3, E'\xF0\x9F\x98', E'"\xE4"');
ALTER TABLE bytes RENAME v TO "ä";
INSERT INTO bytes VALUES (4, E'\x7F\x80\xC0\xAF\xED\xA0\x80', NULL);
