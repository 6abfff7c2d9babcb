/*
 * live.hpp: a database with a publication "pub" and a slot of its own for one case, gone with it. WALSTREAM_TEST_CONNINFO names a
 * superuser of a server with wal_level=logical.
 */
#ifndef LIVE_HPP
#define LIVE_HPP

#include "check.hpp"

#include <chrono>
#include <initializer_list>
#include <libpq-fe.h>
#include <memory>
#include <thread>
#include <utility>

constexpr std::chrono::milliseconds live_wait = std::chrono::seconds(15);

class connection {
public:
    explicit connection(const std::string& conninfo) : raw_(PQconnectdb(conninfo.c_str()))
    {
        if (PQstatus(raw_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(raw_.get()));
        run("SET client_min_messages = error");
    }

    /** One transaction, unless the text says otherwise. The first value, "" if none. */
    std::string run(const std::string& text)
    {
        const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(raw_.get(), text.c_str()), &PQclear);
        const ExecStatusType status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(text + ": " + PQerrorMessage(raw_.get()));
        return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
    }

private:
    struct finish {
        void operator()(PGconn* raw) const { PQfinish(raw); }
    };
    std::unique_ptr<PGconn, finish> raw_;
};

class live {
public:
    live() : server_(server())
    {
        static int number = 0;
        name_ = "wscpp_" + std::to_string(getpid()) + "_" + std::to_string(number++) + "_";
        connection(server_).run("CREATE DATABASE " + name_ + " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
        conninfo_ = server_ + " dbname=" + name_;
    }
    live(const live&) = delete;

    ~live()
    {
        sql_.reset();
        try {
            tear_down();
        } catch (const std::exception& error) {
            std::cerr << "tear down: " << error.what() << "\n";
        }
    }

    const std::string& conninfo() const { return conninfo_; }
    const std::string& slot() const { return name_; }

    void sql(std::initializer_list<const char*> texts)
    {
        for (const char* text : texts) value(text);
    }
    std::string value(const std::string& text)
    {
        if (!sql_) sql_ = std::make_unique<connection>(conninfo_);
        return sql_->run(text);
    }

    /** Tables first, then what follows them. */
    void begin(std::initializer_list<const char*> tables)
    {
        sql(tables);
        sql({"CREATE PUBLICATION pub FOR ALL TABLES"});
        value("SELECT pg_create_logical_replication_slot('" + name_ + "', 'pgoutput')");
    }

    walstream::config config(std::initializer_list<std::pair<const char*, const char*>> options = {}) const
    {
        walstream::config config;
        config.set("slot", name_).set("publication", "pub");
        for (const auto& [key, text] : options) config.set(key, text);
        return config;
    }

    walstream::stream start(std::initializer_list<std::pair<const char*, const char*>> options = {}) const
    {
        walstream::stream stream(conninfo_, config(options));
        stream.start();
        return stream;
    }

private:
    static std::string server()
    {
        const char* conninfo = std::getenv("WALSTREAM_TEST_CONNINFO");
        if (!conninfo || !*conninfo) {
            std::cerr << "WALSTREAM_TEST_CONNINFO is not set: it names a superuser of a server with wal_level=logical\n";
            std::exit(1);
        }
        return conninfo;
    }

    /** Slots forbid dropping the database: they go first, when their walsenders have. */
    void tear_down()
    {
        connection sql(server_);
        const std::string mine = " FROM pg_replication_slots WHERE starts_with(slot_name, '" + name_ + "')";
        const auto deadline = std::chrono::steady_clock::now() + live_wait;
        while (sql.run("SELECT count(*)" + mine) != "0" && std::chrono::steady_clock::now() < deadline) {
            sql.run("SELECT pg_terminate_backend(active_pid)" + mine + " AND active_pid IS NOT NULL");
            sql.run("SELECT pg_drop_replication_slot(slot_name)" + mine + " AND active_pid IS NULL");
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        sql.run("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
    }

    std::string server_, name_, conninfo_;
    std::unique_ptr<connection> sql_;
};

/** The next event of this kind; what comes before is passed over. None in time ends the case. */
inline walstream::event next_of(walstream::stream& stream, walstream::kind kind)
{
    for (auto& event : stream.events(live_wait))
        if (event.kind() == kind) return event;
    throw std::runtime_error(std::string("no ") + name(kind) + " came");
}

#endif
