/* Streams, batches and configs on a live server: reading, acknowledging, waking, moving, failing. */
#include "live.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

using namespace std::chrono_literals;
using walstream::kind;
using walstream::outcome;

static std::string row_text(const walstream::row& row)
{
    std::string text;
    for (auto& value : row) {
        text += text.empty() ? "" : " ";
        text += std::string(value.column().name()) + "=" + (value.is_null() ? "NULL" : value.is_not_sent() ? "NOT_SENT" : std::string(value.data()));
    }
    return text;
}

static void rows_come_in_order()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY, note text)", "CREATE TABLE u (id int PRIMARY KEY)"});
    db.sql({"INSERT INTO t VALUES (1, 'a'), (2, NULL)", "UPDATE t SET id = 3 WHERE id = 2", "DELETE FROM t WHERE id = 1",
            "TRUNCATE t, u RESTART IDENTITY CASCADE", "SELECT pg_logical_emit_message(false, 'over', 'now')"});
    walstream::stream stream = db.start({{"messages", "on"}});
    std::vector<std::string> seen;
    walstream::lsn last;
    std::uint64_t last_seq = 0;
    for (const auto& event : stream.events(live_wait)) {
        if (event.has_identity()) {
            CHECK(last < event.commit_lsn() || (last == event.commit_lsn() && last_seq < event.seq()));
            last = event.commit_lsn();
            last_seq = event.seq();
        }
        if (event.kind() == kind::message) {
            CHECK_SAME(event.name(), "over");
            CHECK_SAME(event.payload(), "now");
            CHECK(!event.transactional() && !event.relation() && !event.row() && event.row().empty());
            break;
        }
        if (event.kind() == kind::truncate) {
            CHECK(event.cascade() && event.restart_identity() && event.detail_count() == 2);
            CHECK_SAME(event.relation(0).name(), "t");
            CHECK_SAME(event.relation(1).name(), "u");
            CHECK(!event.relation(2));
            seen.push_back("TRUNCATE");
        } else if (event.row()) {
            seen.push_back(std::string(event.kind_name()) + " " + row_text(event.new_row()) + " | " + row_text(event.old_row()));
            CHECK_SAME(event.relation().schema(), "public");
            CHECK(event.commit_time() && *event.commit_time() < std::chrono::system_clock::now() + 1min);
            CHECK(*event.commit_time() > std::chrono::system_clock::now() - 10min);
        }
    }
    const std::vector<std::string> wanted = {"INSERT id=1 note=a | ", "INSERT id=2 note=NULL | ",
                                             "UPDATE id=3 note=NULL | id=2 note=NOT_SENT", "DELETE  | id=1 note=NOT_SENT", "TRUNCATE"};
    CHECK(seen == wanted);
    for (std::size_t i = 0; seen != wanted && i < seen.size(); i++) std::cerr << "    " << seen[i] << "\n";
}

static void columns_are_described()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY, amount numeric(10,2))"});
    db.sql({"INSERT INTO t VALUES (1, 2)"});
    walstream::stream stream = db.start();
    const walstream::event event = next_of(stream, kind::insert);
    const walstream::relation table = event.relation();
    CHECK_SAME(table.columns().size(), 2U);
    CHECK_SAME(table.columns()[0].type_name(), "int4");
    CHECK(table.columns()[0].is_key() && !table.columns()[1].is_key());
    CHECK_SAME(table.columns()[1].type_oid(), 1700U);
    CHECK(table.find("amount") == 1U && !table.find("Amount") && !table.find("amoun") && !table.find(""));
    CHECK_SAME(table.replica_identity(), 'd');
    CHECK_SAME(table.key_count(), 1U);
    CHECK(table.version() != 0);
    std::string names;
    for (const auto& column : table.columns()) names += std::string(column.name()) + " ";
    CHECK_SAME(names, "id amount ");
    CHECK_SAME(event.row().size(), 2U);
    CHECK_SAME(event.row()[0].data(), "1");
    CHECK_SAME(event.row()["amount"].data(), "2.00");
    const walstream::error error = CHECK_THROWS(argument, event.row()["nothing"]);
    CHECK(error.message().find("nothing") != std::string::npos);
    CHECK_THROWS(argument, event.row()[2]);
    CHECK_THROWS(argument, event.old_row()["id"]);
    CHECK_THROWS(argument, table.columns()[2]);
}

static void what_was_acknowledged_stays_away()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    db.sql({"INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"});
    {
        walstream::stream stream = db.start();
        for (const auto& event : stream.events(live_wait)) {
            stream.ack(event); // of a BEGIN and an INSERT: nothing
            if (event.kind() == kind::commit) break;
        }
        CHECK(stream.stats().acked);
        CHECK(stream.stop() == outcome::ok);
    }
    walstream::stream stream = db.start();
    CHECK_SAME(next_of(stream, kind::insert).row()["id"].data(), "2");
    const walstream::event commit = next_of(stream, kind::commit);
    CHECK_THROWS(ack_ahead, stream.ack(walstream::lsn(commit.ack_lsn().value() + 1000000)));
    CHECK(stream.stats().acked != commit.ack_lsn());
    stream.ack(commit.ack_lsn());
    CHECK_SAME(stream.stats().acked, commit.ack_lsn());
}

static void batches_outlive_their_stream()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    db.sql({"INSERT INTO t SELECT generate_series(1, 100)"});
    std::vector<walstream::batch> batches;
    {
        walstream::stream stream = db.start({{"batch.max_events", "30"}});
        bool over = false;
        while (!over) {
            std::optional<walstream::batch> batch = stream.next_batch(live_wait);
            REQUIRE(batch && stream.outcome() == outcome::ok);
            CHECK(!batch->empty() && batch->size() <= 30);
            for (const auto& event : *batch) over = over || event.kind() == kind::commit;
            batches.push_back(std::move(*batch));
            CHECK(batch->empty() && batch->begin() == batch->end());
            stream.ack(batches.back());
        }
        CHECK(batches.back().ack_lsn() && !batches.front().ack_lsn());
        CHECK_SAME(stream.stats().acked, batches.back().ack_lsn());
    }
    int sum = 0;
    std::thread reader([&] { // nor is it bound to a thread
        for (const auto& batch : batches)
            for (const auto& event : batch)
                if (event.kind() == kind::insert) sum += std::stoi(std::string(event.row()["id"].data()));
    });
    reader.join();
    CHECK_SAME(sum, 5050);
    CHECK_THROWS(argument, batches[0][batches[0].size()]);
    CHECK(batches[0][0].kind() == batches[0].begin()->kind());
    const std::size_t size = batches[1].size();
    batches[0] = std::move(batches[1]);
    CHECK_SAME(batches[0].size(), size);
    CHECK(batches[1].empty() && !batches[1].ack_lsn());
}

static void timeouts_and_the_end_are_outcomes()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    walstream::stream stream = db.start();
    CHECK(!stream.next(0ms) && stream.outcome() == outcome::timeout);
    const auto began = std::chrono::steady_clock::now();
    CHECK(!stream.next(-5s)); // what is left of a deadline may be negative: that is not for ever
    CHECK(!stream.next_batch(20ms) && stream.outcome() == outcome::timeout);
    int count = 0;
    for (const auto& event : stream.events(20ms)) count += event.kind() == kind::insert;
    CHECK(count == 0 && stream.outcome() == outcome::timeout);
    CHECK(std::chrono::steady_clock::now() - began < 5s);
    CHECK(stream.stop() == outcome::ok);
    CHECK(!stream.next() && stream.outcome() == outcome::end);
    CHECK(!stream.next_batch() && stream.outcome() == outcome::end);
    for (const auto& event : stream.events()) CHECK(event.kind() == kind::begin);
    CHECK(stream.stats().state == walstream::state::ended);
    stream.close();
    CHECK_THROWS(argument, stream.next());
}

static void stop_lsn_ends_the_loop()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    db.sql({"INSERT INTO t VALUES (1), (2)"});
    const std::string stop = db.value("SELECT pg_current_wal_lsn()");
    walstream::stream stream = db.start({{"stop_lsn", stop.c_str()}});
    int inserts = 0;
    for (const auto& event : stream.events(live_wait)) inserts += event.kind() == kind::insert;
    CHECK_SAME(inserts, 2);
    CHECK(stream.outcome() == outcome::end);
}

static void another_thread_wakes_and_acknowledges()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    walstream::stream stream = db.start();
    stream.wake();
    stream.wake();
    CHECK(!stream.next() && stream.outcome() == outcome::woken);
    std::atomic<bool> back{false};
    std::thread waiter([&] {
        while (stream.next()) {
        }
        back = true;
    });
    std::this_thread::sleep_for(20ms); // so that it most likely waits; it is right in any case
    CHECK(!back);
    stream.wake();
    waiter.join();
    CHECK(stream.outcome() == outcome::woken);
    CHECK(stream.ready_fd() >= 0);
}

static void streams_move()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    db.sql({"INSERT INTO t VALUES (1)"});
    walstream::stream first = db.start();
    walstream::stream second(std::move(first));
    CHECK_SAME(next_of(second, kind::insert).row()[0].data(), "1");
    CHECK_THROWS(argument, first.next());
    CHECK_THROWS(argument, first.stats());
    CHECK_THROWS(argument, first.ack(walstream::lsn(1)));
    CHECK_THROWS(argument, first.start());
    first.wake();
    CHECK(first.ready_fd() == -1);
    first = std::move(second);
    CHECK(next_of(first, kind::commit).ack_lsn());
    CHECK(first.position().find('/') != std::string::npos);
    first = walstream::stream(db.conninfo(), db.config()); // the slot's connection goes with the old stream
    CHECK(first.stats().state == walstream::state::open);
}

static void errors_say_what_to_do()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    walstream::config config = db.config({{"slot", "there_is_none"}});
    walstream::stream stream(db.conninfo(), config);
    const walstream::error missing = CHECK_THROWS(slot_missing, stream.start());
    CHECK_SAME(missing.name(), std::string("WALSTREAM_E_SLOT_MISSING"));
    CHECK(missing.message().find("there_is_none") != std::string::npos);
    CHECK(!missing.hint().empty() && !missing.fatal() && !missing.retriable());
    CHECK_SAME(std::string(missing.what()), missing.message());
    CHECK_THROWS(state, stream.next());
    CHECK_THROWS(state, stream.position());

    walstream::stream unreachable("host=/nonexistent port=1", config);
    const walstream::error connect = CHECK_THROWS(connect, unreachable.start());
    CHECK(connect.retriable());
    walstream::stream nobody(db.conninfo() + " dbname=no_such_database", config);
    CHECK_SAME(CHECK_THROWS(server, nobody.start()).sqlstate(), "3D000");
    CHECK_THROWS(argument, walstream::stream("this is no conninfo", config));
    CHECK_THROWS(argument, walstream::stream(std::string_view("dbname=a\0b", 10), config));
}

static void logs_reach_their_function()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY)"});
    std::mutex guard;
    std::vector<std::string> messages;
    auto token = std::make_shared<int>(0);
    const std::weak_ptr<int> alive = token;
    {
        std::optional<walstream::stream> stream;
        {
            walstream::config config = db.config({{"start.position", ""}});
            config.set_log([&, token](walstream::log_level, std::string_view message) {
                const std::lock_guard<std::mutex> lock(guard);
                messages.emplace_back(message);
                throw std::runtime_error("nobody may see this");
            });
            stream.emplace(db.conninfo(), config);
            config.set_log(nullptr);
        }
        token.reset();
        stream->start();
        CHECK(!stream->next(0ms));
        CHECK(!alive.expired()); // the config is gone, the stream goes on
        db.value("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '" + db.slot() + "'");
        const auto deadline = std::chrono::steady_clock::now() + live_wait;
        while (stream->stats().reconnects == 0 && std::chrono::steady_clock::now() < deadline) stream->next(20ms);
        CHECK_SAME(stream->stats().reconnects, 1U);
        CHECK(stream->stats().last_error.has_value());
    }
    CHECK(alive.expired());
    CHECK(!messages.empty());
}

int main(int argc, char** argv)
{
    static const check_case cases[] = {
        {"rows_come_in_order", rows_come_in_order},
        {"columns_are_described", columns_are_described},
        {"what_was_acknowledged_stays_away", what_was_acknowledged_stays_away},
        {"batches_outlive_their_stream", batches_outlive_their_stream},
        {"timeouts_and_the_end_are_outcomes", timeouts_and_the_end_are_outcomes},
        {"stop_lsn_ends_the_loop", stop_lsn_ends_the_loop},
        {"another_thread_wakes_and_acknowledges", another_thread_wakes_and_acknowledges},
        {"streams_move", streams_move},
        {"errors_say_what_to_do", errors_say_what_to_do},
        {"logs_reach_their_function", logs_reach_their_function},
    };
    return check_main(argc, argv, cases);
}
