/* workload.h: a bit of everything that a stream can carry; it ends with a message named "done" (needs messages=on). */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "live.h"

#define WORKLOAD_BIG 3000 /* rows of the big transaction */

static inline void workload_tables(void)
{
    live_sql("CREATE TYPE mood AS ENUM ('sad', 'glad')",
             "CREATE TABLE plain (id int PRIMARY KEY, name text, mood mood, wide text)",
             "ALTER TABLE plain ALTER wide SET STORAGE EXTERNAL",
             "CREATE TABLE whole (id int, name varchar(20), amount numeric(10,2))",
             "ALTER TABLE whole REPLICA IDENTITY FULL",
             "CREATE TABLE other (id int PRIMARY KEY)",
             "CREATE PUBLICATION pub FOR ALL TABLES", NULL);
}

static inline void workload_run(void)
{
    live_sql("INSERT INTO plain VALUES (1, '', 'glad', repeat('x', 9000)), (2, NULL, NULL, NULL)",
             "UPDATE plain SET name = 'one' WHERE id = 1",
             "UPDATE plain SET id = 20 WHERE id = 2",
             "DELETE FROM plain WHERE id = 20",
             "INSERT INTO whole VALUES (1, 'a', 1.5); UPDATE whole SET name = NULL, amount = 2; DELETE FROM whole",
             "BEGIN; INSERT INTO plain VALUES (99, 'never'); ROLLBACK",
             "BEGIN; INSERT INTO other VALUES (1); SAVEPOINT s; INSERT INTO other VALUES (98); ROLLBACK TO s;"
             " INSERT INTO other VALUES (2); COMMIT",
             "BEGIN; INSERT INTO other VALUES (3); SELECT pg_logical_emit_message(true, 'inside', 'kept'); COMMIT",
             "BEGIN; SELECT pg_logical_emit_message(true, 'inside', 'lost'); SELECT pg_logical_emit_message(false, 'alone', '');"
             " ROLLBACK",
             "SELECT pg_logical_emit_message(false, 'alone', '\\x00ff0a00'::bytea)",
             "TRUNCATE whole, other RESTART IDENTITY CASCADE",
             "INSERT INTO other SELECT generate_series(1000, 3999)",
             "ALTER TABLE other ADD COLUMN note text",
             "INSERT INTO other VALUES (5, '')",
             "SELECT pg_logical_emit_message(false, 'done', '')", NULL);
}

static inline int workload_is_over(const walstream_event *event)
{
    return event->kind == WALSTREAM_MESSAGE && event->name != NULL && strcmp(event->name, "done") == 0;
}

#endif
