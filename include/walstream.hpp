/*
 * walstream.hpp: PostgreSQL's replication stream for C++17 and later. Header-only, over walstream.h.
 *
 *     walstream::config config;
 *     config.set("slot", "orders").set("slot.create", "if-missing").set("publication", "orders");
 *
 *     walstream::stream stream("host=db dbname=shop", config);
 *     stream.start();
 *     for (auto& event : stream.events()) {
 *         if (event.kind() == walstream::kind::insert)
 *             add(event.row()["id"].as<std::int64_t>(), event.row()["note"].as<std::optional<std::string>>());
 *         stream.ack(event);
 *     }
 *
 * Link with the CMake target walstream::walstream or walstream::static, or with `pkg-config walstream`.
 *
 * Errors. What fails throws walstream::error; nothing returns an error code. What is no failure (a timeout, a wake, the
 * end) never throws: reads give it back as an outcome. std::bad_alloc passes through. Destructors, wake and what is
 * marked noexcept never throw. No exception crosses a thread: one thrown by a log function ends there.
 *
 * Ownership. stream, config and batch own what they hold and can be moved, not copied. A moved-from or closed one may be
 * destroyed and assigned to; calls on it throw errc::argument. event, row, value, relation and column are views: cheap to
 * copy, valid as long as the event. An event of a batch lives as long as the batch; an event of next() or events() lives until the next
 * read of that stream.
 *
 * Threads. As in walstream.h: one thread at a time reads a stream; ack, wake, stats, position and ready_fd may be called beside it
 * by any thread. A batch may be read by several threads at once and be moved to another. Destroying is the owner's last call.
 */
#ifndef WALSTREAM_HPP
#define WALSTREAM_HPP

#if defined(_MSVC_LANG) ? _MSVC_LANG < 201703L : __cplusplus < 201703L
#error "walstream.hpp needs C++17"
#endif

#include <walstream.h>
#include <walstream/array.hpp>
#include <walstream/batch.hpp>
#include <walstream/config.hpp>
#include <walstream/convert.hpp>
#include <walstream/error.hpp>
#include <walstream/event.hpp>
#include <walstream/lsn.hpp>
#include <walstream/preflight.hpp>
#include <walstream/relation.hpp>
#include <walstream/row.hpp>
#include <walstream/stats.hpp>
#include <walstream/stream.hpp>
#include <walstream/value.hpp>

#endif
