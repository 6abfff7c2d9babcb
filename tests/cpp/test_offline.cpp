/* What needs no server: positions, days, options, hostile array texts, and what the compiler must know of the types. */
#include "check.hpp"

#include <sstream>
#include <unordered_set>
#include <vector>

using namespace walstream;

static_assert(!std::is_copy_constructible_v<stream> && !std::is_copy_assignable_v<stream>);
static_assert(!std::is_copy_constructible_v<batch> && !std::is_copy_assignable_v<batch>);
static_assert(!std::is_copy_constructible_v<config> && !std::is_copy_assignable_v<config>);
static_assert(!std::is_copy_constructible_v<report> && std::is_nothrow_move_constructible_v<report>);
static_assert(std::is_nothrow_move_constructible_v<stream> && std::is_nothrow_move_assignable_v<stream>);
static_assert(std::is_nothrow_move_constructible_v<batch> && std::is_nothrow_move_assignable_v<batch>);
static_assert(std::is_nothrow_move_constructible_v<config> && std::is_nothrow_move_assignable_v<config>);
static_assert(std::is_nothrow_copy_constructible_v<error> && std::is_nothrow_copy_assignable_v<error>);
static_assert(std::is_trivially_copyable_v<event> && std::is_trivially_copyable_v<row> && std::is_trivially_copyable_v<value>);
static_assert(sizeof(event) == sizeof(void*) && std::is_trivially_copyable_v<lsn> && sizeof(lsn) == 8);
static_assert(!std::is_convertible_v<std::uint64_t, lsn> && !std::is_convertible_v<lsn, std::uint64_t>);
static_assert(noexcept(std::declval<stream&>().wake()) && noexcept(std::declval<const stream&>().ready_fd()));
static_assert(noexcept(std::declval<const event&>().kind()) && noexcept(std::declval<const event&>().row()));
static_assert(lsn() == lsn(0) && !lsn() && lsn(1) < lsn(2) && lsn(2) >= lsn(2));
static_assert(date(0).year() == 1970 && date(0).month() == 1 && date(0).day() == 1);

static void positions()
{
    CHECK_SAME(lsn(0x16B374D848).to_string(), "16/B374D848");
    CHECK_SAME(lsn::parse("16/B374D848"), lsn(0x16B374D848));
    CHECK_SAME(lsn::parse(lsn(~std::uint64_t(0)).to_string()).value(), ~std::uint64_t(0));
    for (const char* bad : {"", "16", "16/", "/16", "16/B374D848 ", "g/1", "0x1/2", "-1/2"}) CHECK_THROWS(argument, lsn::parse(bad));
    CHECK_THROWS(argument, lsn::parse(std::string_view("1/2\0", 4)));
    std::ostringstream out;
    out << lsn(255);
    CHECK_SAME(out.str(), "0/FF");
    CHECK_SAME((std::unordered_set<lsn>{lsn(1), lsn(1), lsn(2)}).size(), 2U);
}

static void days()
{
    struct {
        std::int32_t days, year;
        unsigned month, day;
    } const known[] = {
        {-1, 1969, 12, 31}, {59, 1970, 3, 1}, {10957, 2000, 1, 1}, {11016, 2000, 2, 29}, {11017, 2000, 3, 1}, {-719528, 0, 1, 1},
        {-719529, -1, 12, 31}, {-2440588, -4713, 11, 24} /* the first of PostgreSQL's */, {2145042905, 5874897, 12, 31} /* the last */,
    };
    for (const auto& one : known) {
        const date day(one.days);
        CHECK(day.year() == one.year && day.month() == one.month && day.day() == one.day);
    }
}

static void options()
{
    config config;
    config.set("batch.max_events", 7).set("messages", true).set("slot", std::string("s")).set("publication", "p");
    CHECK(config.get("batch.max_events") == "7" && config.get("messages") == "on" && config.get("slot") == "s");
    config.set("messages", false);
    CHECK(config.get("messages") == "off");
    config.reset("batch.max_events");
    CHECK(config.get("batch.max_events") && config.get("batch.max_events") != "7");
    CHECK(!config.get("no.such.option"));
    CHECK(CHECK_THROWS(argument, config.set("no.such.option", "1")).message().find("no.such.option") != std::string::npos);
    CHECK_THROWS(argument, config.set("messages", "perhaps"));
    CHECK_THROWS(argument, config.set("slot", std::string_view("a\0b", 3)));
    CHECK_THROWS(argument, config.set(std::string_view("slot\0", 5), "a"));
    walstream::config other = std::move(config);
    CHECK(other.get("slot") == "s" && !config.get("slot"));
    CHECK_THROWS(argument, config.set("slot", "a"));
    CHECK_THROWS(argument, config.set_log([](log_level, std::string_view) {}));
}

static void errors_copy()
{
    const error first(errc::gap, "message", "hint");
    const error second = first;
    CHECK(second.message() == "message" && second.hint() == "hint" && second.sqlstate().empty() && second.detail().empty());
    CHECK_SAME(second.name(), std::string("WALSTREAM_E_GAP"));
    const error bare(WALSTREAM_E_IO, nullptr);
    CHECK(bare.code() == errc::io && !bare.message().empty());
    try {
        throw first;
    } catch (const std::exception& caught) {
        CHECK_SAME(caught.what(), std::string("message"));
    }
}

/** A text[] value that holds this text, which no server would send. */
static std::vector<std::optional<std::string>> array(const std::string& text)
{
    walstream_column column = {};
    column.name = "c", column.name_len = 1, column.type_name = "_text", column.type_name_len = 5, column.type_oid = 1009;
    const walstream_value raw = {text.data(), static_cast<std::uint32_t>(text.size()), WALSTREAM_VALUE_TEXT};
    return value(&raw, walstream::column(&column)).as<std::vector<std::optional<std::string>>>();
}

static void hostile_arrays()
{
    CHECK_SAME(array("{a,\"b\",NULL,\"NULL\",\\N}").size(), 5U);
    CHECK(!array("{NULL}")[0] && array("{\"NULL\"}")[0] == "NULL" && array("{nULLy}")[0] == "nULLy");
    CHECK_SAME(array("[3:4]={a,b}").size(), 2U);
    const std::string whole = "[0:2]={plain,\"quo\\\"ted\",NULL}";
    for (std::size_t cut = 0; cut < whole.size(); cut++) CHECK_THROWS(argument, array(whole.substr(0, cut)));
    for (const char* bad : {"{}}", "{a}b", "{a,}", "{,a}", "{,}", "{a", "a}", "{\"a}", "{\"a\\}", "{\"a\"b}", "{a\"b\"}", "{{a}}", "{a,{b}}",
                            "[={a}", "[1:1]", "[1:]={a}", "[:1]={a}", "[1:1]{a}", "[1:1={a}", "[-:1]={a}", "{a}}", "{a},{b}", "{\\}"})
        if (CHECK_THROWS(argument, array(bad)).code() != errc::argument) std::cerr << "    " << bad << "\n";
}

static void forms_without_a_type()
{
    walstream_column column = {};
    column.name = "c", column.name_len = 1, column.type_name = "", column.type_oid = 99999;
    const walstream_value raw = {"12", 2, WALSTREAM_VALUE_BINARY}, later = {nullptr, 0, 77};
    const value unknown(&raw, walstream::column(&column)), newer(&later, walstream::column(&column));
    CHECK_THROWS(argument, unknown.as<int>());
    CHECK_THROWS(argument, unknown.as<std::string>());
    CHECK_THROWS(argument, unknown.as<std::string_view>());
    CHECK_THROWS(argument, unknown.as<std::vector<int>>());
    CHECK_THROWS(argument, newer.as<std::optional<int>>());
}

int main(int argc, char** argv)
{
    static const check_case cases[] = {
        {"positions", positions}, {"days", days}, {"options", options}, {"errors_copy", errors_copy},
        {"hostile_arrays", hostile_arrays}, {"forms_without_a_type", forms_without_a_type},
    };
    return check_main(argc, argv, cases);
}
