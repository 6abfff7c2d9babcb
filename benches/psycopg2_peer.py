"""The peer psycopg2: hands on each message as bytes, and decodes none.  CONNINFO SLOT PUBLICATION END_LSN"""
import os
import sys

import psycopg2
import psycopg2.extras

conninfo, slot, publication, end = sys.argv[1:]
high, low = (int(part, 16) for part in end.split("/"))
end = high << 32 | low
connection = psycopg2.connect(conninfo, connection_factory=psycopg2.extras.LogicalReplicationConnection)
cursor = connection.cursor()
cursor.start_replication(slot_name=slot, decode=False, options={"proto_version": "1", "publication_names": publication})


def consume(message):
    if message.payload[:1] == b"C" and int.from_bytes(message.payload[10:18], "big") >= end:
        os._exit(0)


cursor.consume_stream(consume)
