/*
 * check.hpp: the harness of the C++ tests. A program is a table of cases; an exception or a hang ends one, CHECK notes a
 * failure and goes on.
 *
 *     test_x [PART-OF-A-CASE'S-NAME]
 */
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <walstream.hpp>

constexpr unsigned case_deadline_s = 60;

inline int check_failures = 0;

inline bool check_report(bool holds, const char* file, int line, const std::string& what)
{
    if (!holds) {
        check_failures++;
        std::cerr << file << ":" << line << ": FAILED: " << what << "\n";
    }
    return holds;
}

template <class Got, class Wanted> bool check_same(const Got& got, const Wanted& wanted, const char* file, int line, const char* what)
{
    const bool holds = got == wanted;
    if (!check_report(holds, file, line, what)) std::cerr << "    got    " << got << "\n    wanted " << wanted << "\n";
    return holds;
}

#define CHECK(condition) check_report(static_cast<bool>(condition), __FILE__, __LINE__, #condition)
#define CHECK_SAME(got, wanted) check_same((got), (wanted), __FILE__, __LINE__, #got " is " #wanted)
#define REQUIRE(condition)                                                              \
    do {                                                                                \
        if (!CHECK(condition)) throw std::runtime_error("the rest needs this to hold"); \
    } while (0)

/** Runs what must throw walstream::error with this code, and gives the error back. */
inline walstream::error check_throws(walstream::errc code, const std::function<void()>& run, const char* file, int line, const char* what)
{
    try {
        run();
    } catch (const walstream::error& error) {
        if (!check_report(error.code() == code, file, line, what)) std::cerr << "    threw " << error.name() << ": " << error.what() << "\n";
        check_report(!error.message().empty(), file, line, "the error says something");
        return error;
    }
    check_report(false, file, line, std::string("nothing was thrown by ") + what);
    return walstream::error(walstream::errc::panic, "nothing was thrown");
}

#define CHECK_THROWS(code, expression) \
    check_throws(walstream::errc::code, [&] { static_cast<void>(expression); }, __FILE__, __LINE__, #expression " throws " #code)

struct check_case {
    const char* name;
    void (*run)();
};

template <std::size_t N> int check_main(int argc, char** argv, const check_case (&cases)[N])
{
    int failed = 0, ran = 0;
    for (const check_case& one : cases) {
        if (argc > 1 && std::string(one.name).find(argv[1]) == std::string::npos) continue;
        check_failures = 0;
        alarm(case_deadline_s); // a case that hangs ends the program
        try {
            one.run();
        } catch (const walstream::error& error) {
            check_failures++;
            std::cerr << error.name() << ": " << error.what() << "\n    hint: " << error.hint() << "\n";
        } catch (const std::exception& error) {
            check_failures++;
            std::cerr << error.what() << "\n";
        }
        alarm(0);
        std::cout << (check_failures == 0 ? "ok     " : "FAILED ") << one.name << std::endl;
        failed += check_failures != 0;
        ran++;
    }
    std::cout << ran << " cases, " << failed << " failed" << std::endl;
    return failed != 0 || ran == 0;
}

#endif
