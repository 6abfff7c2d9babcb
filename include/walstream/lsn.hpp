/* lsn.hpp: positions in the write-ahead log, and times of this library. */
#ifndef WALSTREAM_LSN_HPP
#define WALSTREAM_LSN_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <walstream/error.hpp>

namespace walstream {

/** A position in the write-ahead log, printed as "16/B374D848". The default, 0, means none. */
class lsn {
public:
    constexpr lsn() noexcept = default;
    constexpr explicit lsn(std::uint64_t value) noexcept : value_(value) {}

    /** Throws errc::argument for what is not two hexadecimal numbers with a slash. */
    static lsn parse(std::string_view text)
    {
        const std::string copy(text);
        std::uint64_t value = 0;
        if (copy.find('\0') != std::string::npos || ::walstream_lsn_parse(copy.c_str(), &value) < 0)
            throw error(errc::argument, "'" + copy.substr(0, 40) + "' is not an LSN", "write it as PostgreSQL does: 16/B374D848");
        return lsn(value);
    }

    std::string to_string() const
    {
        char buffer[WALSTREAM_LSN_BUFFER];
        return ::walstream_lsn_format(value_, buffer);
    }

    constexpr std::uint64_t value() const noexcept { return value_; }
    /** Is it a position at all? */
    constexpr explicit operator bool() const noexcept { return value_ != 0; }

    friend constexpr bool operator==(lsn a, lsn b) noexcept { return a.value_ == b.value_; }
    friend constexpr bool operator!=(lsn a, lsn b) noexcept { return a.value_ != b.value_; }
    friend constexpr bool operator<(lsn a, lsn b) noexcept { return a.value_ < b.value_; }
    friend constexpr bool operator>(lsn a, lsn b) noexcept { return b < a; }
    friend constexpr bool operator<=(lsn a, lsn b) noexcept { return !(b < a); }
    friend constexpr bool operator>=(lsn a, lsn b) noexcept { return !(a < b); }

    /** Any stream that takes text. */
    template <class Out> friend auto operator<<(Out& out, lsn position) -> decltype(out << std::string())
    {
        return out << position.to_string();
    }

private:
    std::uint64_t value_ = 0;
};

/** When something happened, by the server's clock. */
using time_point = std::chrono::system_clock::time_point;

/** As a timeout: until something comes. */
inline constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

namespace detail {

/** None when the clock does not reach that far (system_clock counts nanoseconds: 1677 to 2262). */
inline std::optional<time_point> time_at(std::int64_t microseconds) noexcept
{
    using us = std::chrono::microseconds;
    constexpr auto first = std::chrono::duration_cast<us>(time_point::min().time_since_epoch());
    constexpr auto last = std::chrono::duration_cast<us>(time_point::max().time_since_epoch());
    if (us(microseconds) < first || us(microseconds) > last) return std::nullopt;
    return time_point(std::chrono::duration_cast<time_point::duration>(us(microseconds)));
}

/** What is left of a deadline may be negative: then nothing is waited for. Only `forever` is for ever. */
constexpr std::int32_t timeout(std::chrono::milliseconds wait) noexcept
{
    constexpr std::int32_t most = (std::numeric_limits<std::int32_t>::max)();
    if (wait == forever) return -1;
    if (wait.count() < 0) return 0;
    return wait.count() > most ? most : static_cast<std::int32_t>(wait.count());
}

} // namespace detail
} // namespace walstream

template <> struct std::hash<walstream::lsn> {
    std::size_t operator()(walstream::lsn position) const noexcept { return std::hash<std::uint64_t>()(position.value()); }
};

#endif
