/*
 * convert.hpp: what value::as<T>() can make of a value, whether it was sent as text or binary.
 *
 *     T                               from columns of type
 *     bool                            bool
 *     integers other than char        int2, int4, int8, oid, xid, cid, xid8, when the number fits
 *     float, double                   float4, float8, numeric, int2, int4, int8, oid; the nearest one, NaN and infinities included
 *     std::string                     any, in PostgreSQL's text form; all digits of a numeric. Sent as binary: the built-in types that
 *                                     walstream_value_to_text knows
 *     std::string_view                any sent as text; text, varchar, bpchar, name, json, xml also sent as binary. No copy
 *     walstream::time_point           timestamptz; timestamp, taken as UTC. Not infinity; years 1678 to 2261
 *     walstream::date                 date. Not infinity
 *     walstream::uuid                 uuid
 *     std::vector<std::byte>,
 *     std::vector<std::uint8_t>       bytea
 *     walstream::lsn                  pg_lsn
 *     std::vector<T>                  arrays of one dimension (array.hpp)
 *     std::optional<T>                each of these, or NULL
 *
 * Whatever else is tried is refused by the compiler, or throws errc::argument.
 */
#ifndef WALSTREAM_CONVERT_HPP
#define WALSTREAM_CONVERT_HPP

#include <array>
#include <cmath>
#include <vector>
#include <walstream/lsn.hpp>
#include <walstream/value.hpp>

namespace walstream {

/** A day of the Gregorian calendar, before its invention too, as PostgreSQL counts. */
class date {
public:
    constexpr date() noexcept = default;
    constexpr explicit date(std::int32_t days_since_1970) noexcept : days_(days_since_1970) {}

    constexpr std::int32_t days_since_1970() const noexcept { return days_; }
    /** Astronomical: the year before 1 is 0. */
    constexpr std::int32_t year() const noexcept { return parts().year; }
    /** 1 to 12 */
    constexpr unsigned month() const noexcept { return parts().month; }
    /** 1 to 31 */
    constexpr unsigned day() const noexcept { return parts().day; }

    friend constexpr bool operator==(date a, date b) noexcept { return a.days_ == b.days_; }
    friend constexpr bool operator!=(date a, date b) noexcept { return a.days_ != b.days_; }
    friend constexpr bool operator<(date a, date b) noexcept { return a.days_ < b.days_; }
    friend constexpr bool operator>(date a, date b) noexcept { return b < a; }
    friend constexpr bool operator<=(date a, date b) noexcept { return !(b < a); }
    friend constexpr bool operator>=(date a, date b) noexcept { return !(a < b); }

private:
    struct civil {
        std::int32_t year;
        unsigned month, day;
    };
    // In years that begin in March the leap day is the last one; 400 of them have 146097 days.
    constexpr civil parts() const noexcept
    {
        const std::int64_t since_0000_03_01 = std::int64_t(days_) + 719468;
        const std::int64_t cycle = (since_0000_03_01 >= 0 ? since_0000_03_01 : since_0000_03_01 - 146096) / 146097;
        const auto of_cycle = static_cast<std::int32_t>(since_0000_03_01 - cycle * 146097);
        const std::int32_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
        const std::int32_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
        const std::int32_t march = (5 * of_year + 2) / 153;
        const std::int32_t month = march < 10 ? march + 3 : march - 9;
        return {static_cast<std::int32_t>(year + cycle * 400 + (month <= 2)), static_cast<unsigned>(month),
                static_cast<unsigned>(of_year - (153 * march + 2) / 5 + 1)};
    }
    std::int32_t days_ = 0;
};

/** 16 bytes, in the order of the text. */
struct uuid {
    std::array<std::uint8_t, 16> bytes{};

    std::string to_string() const
    {
        static const char digits[] = "0123456789abcdef";
        std::string text;
        for (std::size_t i = 0; i < bytes.size(); i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
            text += digits[bytes[i] >> 4];
            text += digits[bytes[i] & 15];
        }
        return text;
    }
    friend bool operator==(const uuid& a, const uuid& b) noexcept { return a.bytes == b.bytes; }
    friend bool operator!=(const uuid& a, const uuid& b) noexcept { return a.bytes != b.bytes; }
    friend bool operator<(const uuid& a, const uuid& b) noexcept { return a.bytes < b.bytes; }
};

namespace detail {

/** pg_type.oid of the types that are named here */
enum oid : std::uint32_t { oid_name = 19, oid_text = 25, oid_json = 114, oid_xml = 142, oid_bpchar = 1042, oid_varchar = 1043,
                           oid_date = 1082, oid_pg_lsn = 3220 };

template <class T> inline constexpr bool is_character = false;
template <> inline constexpr bool is_character<char> = true;
template <> inline constexpr bool is_character<wchar_t> = true;
template <> inline constexpr bool is_character<char16_t> = true;
template <> inline constexpr bool is_character<char32_t> = true;
#ifdef __cpp_char8_t
template <> inline constexpr bool is_character<char8_t> = true;
#endif
template <class T> inline constexpr bool is_number = std::is_integral_v<T> && !is_character<T> && !std::is_same_v<T, bool>;

/** One converter of the C API; `wanted` is what an error says. */
template <class Out, class Function> Out convert(const value& from, Function function, const char* wanted)
{
    Out out{};
    if (function(from.raw(), from.type_oid(), &out) != WALSTREAM_OK) from.refuse(wanted);
    return out;
}

} // namespace detail

template <> struct converter<bool> {
    static bool from(const value& from) { return detail::convert<std::int32_t>(from, ::walstream_value_to_bool, "bool") != 0; }
};

template <class T> struct converter<T, std::enable_if_t<detail::is_number<T>>> {
    static T from(const value& from)
    {
        static_assert(sizeof(T) <= sizeof(std::int64_t), "walstream: no integer of PostgreSQL is that large");
        const auto number = detail::convert<std::int64_t>(from, ::walstream_value_to_int64, "an integer");
        const T result = static_cast<T>(number);
        // Neither the value nor the sign may change.
        if (static_cast<std::int64_t>(result) != number || (result < T(0)) != (number < 0)) from.refuse("an integer of this size and sign");
        return result;
    }
};

template <> struct converter<double> {
    static double from(const value& from) { return detail::convert<double>(from, ::walstream_value_to_double, "a double"); }
};

template <> struct converter<float> {
    static float from(const value& from)
    {
        const double number = converter<double>::from(from);
        if (std::isfinite(number) && std::fabs(number) > static_cast<double>((std::numeric_limits<float>::max)()))
            from.refuse("a float: it is too large");
        return static_cast<float>(number);
    }
};

template <> struct converter<std::string> {
    static std::string from(const value& from)
    {
        if (from.kind() == value_kind::text) return std::string(from.data());
        std::size_t size = 0;
        if (::walstream_value_to_text(from.raw(), from.type_oid(), nullptr, 0, &size) != WALSTREAM_OK) from.refuse("text from its binary form");
        std::string text(size, '\0');
        // The NUL that follows goes to the place that std::string keeps for it.
        ::walstream_value_to_text(from.raw(), from.type_oid(), text.data(), size + 1, &size);
        return text;
    }
};

template <> struct converter<std::string_view> {
    static std::string_view from(const value& from)
    {
        if (from.kind() == value_kind::text) return from.data();
        switch (from.type_oid()) {
        case detail::oid_name:
        case detail::oid_text:
        case detail::oid_json:
        case detail::oid_xml:
        case detail::oid_bpchar:
        case detail::oid_varchar: return from.data();
        default: from.refuse("a view of its text: it was sent as binary");
        }
    }
};

template <> struct converter<time_point> {
    static time_point from(const value& from)
    {
        if (from.type_oid() == detail::oid_date) from.refuse("a point in time: it is a day");
        const auto us = detail::convert<std::int64_t>(from, ::walstream_value_to_timestamp_us, "a point in time");
        const std::optional<time_point> at = detail::time_at(us);
        if (!at) from.refuse("a point in time: it is infinite, or beyond what the clock counts");
        return *at;
    }
};

template <> struct converter<date> {
    static date from(const value& from)
    {
        const auto days = detail::convert<std::int32_t>(from, ::walstream_value_to_date, "a date");
        using limits = std::numeric_limits<std::int32_t>;
        if (days == (limits::max)() || days == (limits::min)()) from.refuse("a date: it is infinite");
        return date(days);
    }
};

template <> struct converter<uuid> {
    static uuid from(const value& from)
    {
        uuid result;
        if (::walstream_value_to_uuid(from.raw(), from.type_oid(), result.bytes.data()) != WALSTREAM_OK) from.refuse("a uuid");
        return result;
    }
};

template <> struct converter<lsn> {
    static lsn from(const value& from)
    {
        if (from.type_oid() != detail::oid_pg_lsn) from.refuse("an LSN");
        return lsn::parse(converter<std::string>::from(from));
    }
};

namespace detail {

template <class Byte> std::vector<Byte> bytes(const value& from)
{
    std::size_t size = 0;
    if (::walstream_value_to_bytes(from.raw(), from.type_oid(), nullptr, 0, &size) != WALSTREAM_OK) from.refuse("bytes");
    std::vector<Byte> result(size);
    if (size != 0) ::walstream_value_to_bytes(from.raw(), from.type_oid(), reinterpret_cast<std::uint8_t*>(result.data()), size, &size);
    return result;
}

} // namespace detail

template <> struct converter<std::vector<std::byte>> {
    static std::vector<std::byte> from(const value& from) { return detail::bytes<std::byte>(from); }
};

template <> struct converter<std::vector<std::uint8_t>> {
    static std::vector<std::uint8_t> from(const value& from) { return detail::bytes<std::uint8_t>(from); }
};

} // namespace walstream

#endif
