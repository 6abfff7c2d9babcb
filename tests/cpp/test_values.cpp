/* Values of a live server, each sent as text and as binary: what they become, and what they must not. */
#include "live.hpp"

#include <cmath>
#include <vector>

using namespace std::chrono;
using walstream::kind;
using strings = std::vector<std::string>;

/** Runs a check on the row of this INSERT, once sent as text and once as binary. */
static void with_row(const char* columns, const char* values, void (*check)(const walstream::row&, bool binary))
{
    for (const char* binary : {"off", "on"}) {
        live db;
        db.begin({"CREATE TYPE mood AS ENUM ('sad', 'glad')", "CREATE DOMAIN small AS int CHECK (VALUE < 100)"});
        db.value(std::string("CREATE TABLE t (") + columns + ")");
        db.value(std::string("INSERT INTO t VALUES (") + values + ")");
        walstream::stream stream = db.start({{"binary", binary}});
        const int before = check_failures;
        check(next_of(stream, kind::insert).row(), *(binary + 1) == 'n');
        if (check_failures != before) std::cerr << "    with binary=" << binary << "\n";
    }
}

static void numbers()
{
    with_row("yes bool, no bool, s int2, i int4, l int8, o oid, n numeric(30,10), r float4, d float8, nan float8",
             "true, false, -32768, 2147483647, -9223372036854775808, 4294967295, 12345678901234567890.0123456789, 1.5, 0.1, 'NaN'",
             [](const walstream::row& row, bool) {
                 CHECK(row["yes"].as<bool>() && !row["no"].as<bool>());
                 CHECK_SAME(row["s"].as<std::int16_t>(), -32768);
                 CHECK_SAME(row["s"].as<int>(), -32768);
                 CHECK_SAME(row["i"].as<std::int32_t>(), 2147483647);
                 CHECK_SAME(row["i"].as<unsigned>(), 2147483647U);
                 CHECK_SAME(row.get<std::int64_t>("l"), std::numeric_limits<std::int64_t>::min());
                 CHECK_SAME(row.get<long long>(4), std::numeric_limits<long long>::min());
                 CHECK_SAME(row["o"].as<std::uint32_t>(), 4294967295U);
                 CHECK_SAME(row["o"].as<std::uint64_t>(), 4294967295U);
                 CHECK_SAME(row["n"].as<std::string>(), "12345678901234567890.0123456789");
                 CHECK_SAME(row["n"].as<double>(), 12345678901234567890.0);
                 CHECK_SAME(row["r"].as<float>(), 1.5F);
                 CHECK_SAME(row["d"].as<double>(), 0.1);
                 CHECK_SAME(row["i"].as<double>(), 2147483647.0);
                 CHECK(std::isnan(row["nan"].as<double>()) && std::isnan(row["nan"].as<float>()));
                 CHECK_SAME(row["l"].as<std::string>(), "-9223372036854775808");
             });
}

static void numbers_that_do_not_fit()
{
    with_row("minus int4, big int4, huge int8, n numeric, d float8, t text, yes bool", "-1, 70000, 5000000000, 5, 1e300, '7', true",
             [](const walstream::row& row, bool) {
                 CHECK_THROWS(argument, row["minus"].as<std::uint32_t>());
                 CHECK_THROWS(argument, row["minus"].as<std::uint64_t>());
                 CHECK_THROWS(argument, row["big"].as<std::int16_t>());
                 CHECK_THROWS(argument, row["big"].as<std::uint16_t>());
                 CHECK_THROWS(argument, row["big"].as<std::int8_t>());
                 CHECK_THROWS(argument, row["huge"].as<std::int32_t>());
                 CHECK_THROWS(argument, row["n"].as<int>());
                 CHECK_THROWS(argument, row["d"].as<int>());
                 CHECK_THROWS(argument, row["d"].as<float>());
                 CHECK_THROWS(argument, row["t"].as<int>());
                 CHECK_THROWS(argument, row["t"].as<double>());
                 CHECK_THROWS(argument, row["t"].as<bool>());
                 CHECK_THROWS(argument, row["yes"].as<int>());
                 CHECK_THROWS(argument, row["big"].as<bool>());
                 const walstream::error error = CHECK_THROWS(argument, row["big"].as<walstream::date>());
                 CHECK(error.message().find("\"big\"") != std::string::npos && error.message().find("int4") != std::string::npos);
                 CHECK(!error.fatal() && !error.retriable() && error.sqlstate().empty());
             });
}

static void texts()
{
    with_row("t text, v varchar(9), c char(3), j json, jb jsonb, e text, u text",
             "'plain', 'v', 'c', '{\"a\": 1}', '{\"a\":1}', '', U&'\\00e4'",
             [](const walstream::row& row, bool binary) {
                 CHECK_SAME(row["t"].as<std::string_view>(), "plain");
                 CHECK_SAME(row["v"].as<std::string_view>(), "v");
                 CHECK_SAME(row["c"].as<std::string_view>(), "c  ");
                 CHECK_SAME(row["j"].as<std::string_view>(), "{\"a\": 1}");
                 CHECK_SAME(row["jb"].as<std::string>(), "{\"a\": 1}");
                 if (binary)
                     CHECK_THROWS(argument, row["jb"].as<std::string_view>());
                 else
                     CHECK_SAME(row["jb"].as<std::string_view>(), "{\"a\": 1}");
                 CHECK(row["e"].as<std::string_view>().empty() && row["e"].has_value());
                 CHECK_SAME(row["e"].as<std::string>(), "");
                 CHECK_SAME(row["u"].as<std::string>(), "\xc3\xa4");
             });
}

static void times()
{
    with_row("at timestamptz, local timestamp, old timestamptz, ever timestamptz, far timestamptz, d date, bc date, never date",
             "'2024-02-29 12:34:56.789012+02', '2024-02-29 10:34:56.789012', '1969-12-31 23:59:59.999999+00', 'infinity',"
             " '9999-01-01', '2024-02-29', '0044-03-15 BC', '-infinity'",
             [](const walstream::row& row, bool) {
                 const auto at = walstream::time_point(duration_cast<system_clock::duration>(microseconds(1709202896789012)));
                 CHECK(row["at"].as<walstream::time_point>() == at);
                 CHECK(row["local"].as<system_clock::time_point>() == at);
                 CHECK(row["old"].as<walstream::time_point>() == system_clock::time_point(microseconds(-1)));
                 CHECK_THROWS(argument, row["ever"].as<walstream::time_point>());
                 CHECK_THROWS(argument, row["far"].as<walstream::time_point>());
                 CHECK_SAME(row["ever"].as<std::string>(), "infinity");
                 const auto day = row["d"].as<walstream::date>();
                 CHECK(day.year() == 2024 && day.month() == 2 && day.day() == 29);
                 CHECK_SAME(day.days_since_1970(), 19782);
                 const auto ides = row["bc"].as<walstream::date>();
                 CHECK(ides.year() == -43 && ides.month() == 3 && ides.day() == 15 && ides < day);
                 CHECK_THROWS(argument, row["never"].as<walstream::date>());
                 CHECK_THROWS(argument, row["d"].as<walstream::time_point>());
                 CHECK_THROWS(argument, row["at"].as<walstream::date>());
                 CHECK_THROWS(argument, row["at"].as<std::int64_t>());
             });
}

static void bytes_and_uuids()
{
    with_row("b bytea, e bytea, u uuid, l pg_lsn", "'\\x00ff10', '', '123e4567-e89b-12d3-a456-426614174000', '16/B374D848'",
             [](const walstream::row& row, bool) {
                 CHECK((row["b"].as<std::vector<std::uint8_t>>() == std::vector<std::uint8_t>{0, 255, 16}));
                 CHECK((row["b"].as<std::vector<std::byte>>() == std::vector<std::byte>{std::byte{0}, std::byte{255}, std::byte{16}}));
                 CHECK(row["e"].as<std::vector<std::byte>>().empty());
                 CHECK_SAME(row["b"].as<std::string>(), "\\x00ff10");
                 const auto uuid = row["u"].as<walstream::uuid>();
                 CHECK(uuid.bytes[0] == 0x12 && uuid.bytes[15] == 0);
                 CHECK_SAME(uuid.to_string(), "123e4567-e89b-12d3-a456-426614174000");
                 CHECK_SAME(row["l"].as<walstream::lsn>(), walstream::lsn(0x16B374D848));
                 CHECK_THROWS(argument, row["b"].as<walstream::uuid>());
                 CHECK_THROWS(argument, row["u"].as<std::vector<std::byte>>());
                 CHECK_THROWS(argument, row["u"].as<walstream::lsn>());
             });
}

static void arrays()
{
    with_row("t text[], e text[], n text[], i int[], b bool[], f float8[], u uuid[], d date[], z int[], m int[], plain text",
             "'{plain,\"two words\",\"q\\\"b\\\\\",\"NULL\",\"a,b\",\"{}\",\"\"}', '{}', '{a,NULL}', '{1,-2,3}', '{t,f}', '{1.5,NaN}',"
             " '{123e4567-e89b-12d3-a456-426614174000}', '{2024-02-29}', '[0:1]={7,8}', '{{1},{2}}', '{a,b}'",
             [](const walstream::row& row, bool) {
                 CHECK((row["t"].as<strings>() == strings{"plain", "two words", "q\"b\\", "NULL", "a,b", "{}", ""}));
                 CHECK(row["e"].as<strings>().empty());
                 CHECK_THROWS(argument, row["n"].as<strings>());
                 const auto nullable = row["n"].as<std::vector<std::optional<std::string>>>();
                 CHECK(nullable.size() == 2 && nullable[0] == "a" && !nullable[1]);
                 CHECK((row["i"].as<std::vector<std::int64_t>>() == std::vector<std::int64_t>{1, -2, 3}));
                 CHECK((row["i"].as<strings>() == strings{"1", "-2", "3"}));
                 CHECK_THROWS(argument, row["i"].as<std::vector<unsigned>>());
                 CHECK_THROWS(argument, row["i"].as<std::vector<bool>>());
                 CHECK((row["b"].as<std::vector<bool>>() == std::vector<bool>{true, false}));
                 CHECK(row["f"].as<std::vector<double>>().at(0) == 1.5 && std::isnan(row["f"].as<std::vector<double>>().at(1)));
                 CHECK_SAME(row["u"].as<std::vector<walstream::uuid>>().at(0).bytes[1], 0x3e);
                 CHECK_SAME(row["d"].as<std::vector<walstream::date>>().at(0).day(), 29U);
                 CHECK((row["z"].as<std::vector<int>>() == std::vector<int>{7, 8}));
                 CHECK_THROWS(argument, row["m"].as<std::vector<int>>());
                 CHECK_THROWS(argument, row["plain"].as<strings>());
                 CHECK_THROWS(argument, row["i"].as<int>());
                 CHECK_THROWS(argument, row["t"].as<std::vector<std::byte>>());
             });
}

/** A type of the host's own. */
enum class mood { sad, glad };

template <> struct walstream::converter<mood> {
    static mood from(const value& from)
    {
        const auto word = from.as<std::string_view>();
        if (word != "sad" && word != "glad") from.refuse("a mood");
        return word == "sad" ? mood::sad : mood::glad;
    }
};

static void types_that_users_made()
{
    live db;
    db.begin({"CREATE TYPE mood AS ENUM ('sad', 'glad')", "CREATE DOMAIN small AS int", "CREATE TABLE t (m mood, s small, a mood[])"});
    db.sql({"INSERT INTO t VALUES ('glad', 7, '{sad,glad}')"});
    walstream::stream stream = db.start();
    const walstream::row row = next_of(stream, kind::insert).row();
    CHECK(row["m"].as<mood>() == mood::glad);
    CHECK(row["m"].as<std::optional<mood>>() == mood::glad);
    CHECK_THROWS(argument, row["s"].as<mood>());
    CHECK((row["a"].as<strings>() == strings{"sad", "glad"}));
    CHECK((row["a"].as<std::vector<mood>>() == std::vector<mood>{mood::sad, mood::glad}));
    // A domain has an OID that nobody knows beforehand.
    CHECK_THROWS(argument, row["s"].as<int>());
    CHECK_SAME(row["s"].with_type(23).as<int>(), 7);
}

static void values_that_are_not_there()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY, n int, wide text)", "ALTER TABLE t ALTER wide SET STORAGE EXTERNAL"});
    db.sql({"INSERT INTO t VALUES (1, NULL, repeat('x', 9000))", "UPDATE t SET id = 2"});
    walstream::stream stream = db.start();
    {
        const walstream::value null = next_of(stream, kind::insert).row()["n"];
        CHECK(null.is_null() && !null.has_value() && null.kind() == walstream::value_kind::null && null.data().empty());
        CHECK(!null.as<std::optional<int>>());
        CHECK(!null.as<std::optional<walstream::date>>()); // whatever the type: NULL is in each
        const walstream::error error = CHECK_THROWS(argument, null.as<int>());
        CHECK(error.message().find("NULL") != std::string::npos && error.hint().find("optional") != std::string::npos);
        CHECK_THROWS(argument, null.as<std::string>());
    }
    const walstream::event update = next_of(stream, kind::update);
    CHECK(update.old_kind() == walstream::old_kind::key);
    const walstream::value unchanged = update.new_row()["wide"], not_sent = update.old_row()["wide"];
    CHECK(unchanged.is_unchanged() && !unchanged.is_null() && !unchanged.has_value());
    CHECK(not_sent.is_not_sent() && !not_sent.is_null() && !not_sent.has_value());
    CHECK_THROWS(argument, unchanged.as<std::string>());
    CHECK_THROWS(argument, unchanged.as<std::optional<std::string>>()); // it is not NULL
    CHECK_THROWS(argument, not_sent.as<std::optional<std::string_view>>());
    CHECK_SAME(update.row()["id"].as<std::optional<int>>().value(), 2);
    CHECK_SAME(update.old_row()["id"].as<int>(), 1);
}

static void events_as_json()
{
    live db;
    db.begin({"CREATE TABLE t (id int PRIMARY KEY, note text)"});
    db.sql({"INSERT INTO t VALUES (1, repeat('long ', 1000))"});
    walstream::stream stream = db.start();
    const walstream::event event = next_of(stream, kind::insert);
    const std::string json = event.to_json();
    CHECK(json.size() > 5000 && json.front() == '{' && json.back() == '}');
    CHECK(json.find("\"id\":1") != std::string::npos && json.find('\n') == std::string::npos && json.find('\0') == std::string::npos);
}

int main(int argc, char** argv)
{
    static const check_case cases[] = {
        {"numbers", numbers},
        {"numbers_that_do_not_fit", numbers_that_do_not_fit},
        {"texts", texts},
        {"times", times},
        {"bytes_and_uuids", bytes_and_uuids},
        {"arrays", arrays},
        {"types_that_users_made", types_that_users_made},
        {"values_that_are_not_there", values_that_are_not_there},
        {"events_as_json", events_as_json},
    };
    return check_main(argc, argv, cases);
}
