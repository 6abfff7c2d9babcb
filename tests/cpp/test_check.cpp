/* walstream::check: a report as a range of findings. */
#include "live.hpp"

#include <algorithm>
#include <vector>

using namespace walstream;

static void checks_say_what_is_missing()
{
    live db;
    db.begin({"CREATE TABLE checked (id int)"});
    const auto codes = [](const report& found) {
        std::vector<std::string> all;
        for (const finding one : found) all.emplace_back(one.code());
        return all;
    };
    const auto has = [](const std::vector<std::string>& all, const char* code) { return std::count(all.begin(), all.end(), code) == 1; };
    const report fine = check(db.conninfo(), db.config());
    CHECK(fine.can_start());
    CHECK(has(codes(fine), "replica-identity"));
    const config config = db.config({{"slot", "no_such_slot"}});
    report missing = check(db.conninfo(), config);
    CHECK(!missing.can_start() && !missing.empty());
    CHECK_SAME(missing[0].code(), "slot-missing");
    CHECK(missing[0].severity() == severity::error);
    CHECK_SAME(missing[0].object(), "no_such_slot");
    CHECK(!missing[0].message().empty() && !missing[0].remedy().empty());
    const report moved = std::move(missing);
    CHECK_SAME(moved.size(), codes(moved).size());
    CHECK(missing.empty() && missing.begin() == missing.end());
    CHECK_THROWS(connect, check("host=127.0.0.1 port=1"));
    CHECK_THROWS(argument, check("nonsense"));
    CHECK_THROWS(argument, check(std::string_view("host=a\0b", 8)));
}

int main(int argc, char** argv)
{
    static const check_case cases[] = {
        {"checks_say_what_is_missing", checks_say_what_is_missing},
    };
    return check_main(argc, argv, cases);
}
