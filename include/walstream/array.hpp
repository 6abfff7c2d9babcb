/*
 * array.hpp: value::as<std::vector<T>>(), for arrays of one dimension; T is what as<T>() can make of an element, and
 * std::optional<…> where elements may be NULL. Of types that users made: std::string only.
 */
#ifndef WALSTREAM_ARRAY_HPP
#define WALSTREAM_ARRAY_HPP

#include <walstream/convert.hpp>

namespace walstream {
namespace detail {

/** The element's type of PostgreSQL's own arrays; 0 for others. */
constexpr std::uint32_t element_oid(std::uint32_t array_oid) noexcept
{
    switch (array_oid) {
    case 199: return 114;   // json
    case 1000: return 16;   // bool
    case 1001: return 17;   // bytea
    case 1003: return 19;   // name
    case 1005: return 21;   // int2
    case 1007: return 23;   // int4
    case 1009: return 25;   // text
    case 1011: return 28;   // xid
    case 1012: return 29;   // cid
    case 1014: return 1042; // bpchar
    case 1015: return 1043; // varchar
    case 1016: return 20;   // int8
    case 1021: return 700;  // float4
    case 1022: return 701;  // float8
    case 1028: return 26;   // oid
    case 1115: return 1114; // timestamp
    case 1182: return 1082; // date
    case 1185: return 1184; // timestamptz
    case 1231: return 1700; // numeric
    case 2951: return 2950; // uuid
    case 3221: return 3220; // pg_lsn
    case 271: return 5069;  // xid8
    default: return 0;
    }
}

/** array_out's text, element by element. */
class array_reader {
public:
    array_reader(const value& from, std::string_view text) : from_(from), text_(text)
    {
        if (peek() == '[') bounds();
        if (take() != '{' || text_.back() != '}') malformed();
        if (peek() == '}') {
            if (at_ + 1 != text_.size()) malformed();
            over_ = true;
        }
    }

    /** False behind the last one. `null` tells that it is NULL. */
    bool next(std::string& element, bool& null)
    {
        if (over_) return false;
        element.clear();
        null = false;
        if (peek() == '{') from_.refuse("a vector: it has more than one dimension");
        if (peek() == '"')
            quoted(element);
        else
            null = bare(element);
        const char after = take();
        if (after == '}' ? at_ != text_.size() : after != ',') malformed();
        over_ = after == '}';
        return true;
    }

private:
    /** "[0:2]={…}": where it begins and ends, which no vector can say. */
    void bounds()
    {
        take();
        number(':');
        number(']');
        if (take() != '=') malformed();
    }

    void number(char after)
    {
        if (peek() == '-') take();
        bool any = false;
        for (; peek() >= '0' && peek() <= '9'; take()) any = true;
        if (!any || take() != after) malformed();
    }

    void quoted(std::string& element)
    {
        take();
        for (char one = take(); one != '"'; one = take()) element += one == '\\' ? take() : one;
    }

    /** Whether it is NULL. */
    bool bare(std::string& element)
    {
        bool escaped = false;
        while (peek() != ',' && peek() != '}') {
            char one = take();
            if (one == '"' || one == '{') malformed();
            if (one == '\\') escaped = true, one = take();
            element += one;
        }
        if (element.empty()) malformed();
        return !escaped && element == "NULL";
    }

    char peek() const
    {
        if (at_ >= text_.size()) malformed();
        return text_[at_];
    }
    char take()
    {
        const char one = peek();
        at_++;
        return one;
    }
    [[noreturn]] void malformed() const { from_.refuse("an array"); }

    const value& from_;
    std::string_view text_;
    std::size_t at_ = 0;
    bool over_ = false;
};

} // namespace detail

template <class T> struct converter<std::vector<T>> {
    static std::vector<T> from(const value& from)
    {
        // The types of arrays begin with "_"; box is the only one whose elements are not parted by commas.
        const std::string_view type = from.column().type_name();
        if (type.empty() || type[0] != '_' || type == "_box") from.refuse("a vector: it is no array");
        const std::string text = converter<std::string>::from(from);
        detail::array_reader reader(from, text);
        std::vector<T> result;
        std::string element;
        for (bool null = false; reader.next(element, null);) {
            const auto size = static_cast<std::uint32_t>(element.size());
            const ::walstream_value raw = {null ? nullptr : element.c_str(), null ? 0 : size,
                                           null ? std::uint32_t(WALSTREAM_VALUE_NULL) : std::uint32_t(WALSTREAM_VALUE_TEXT)};
            result.push_back(value(&raw, from.column()).with_type(detail::element_oid(from.type_oid())).template as<T>());
        }
        return result;
    }
    static_assert(!std::is_same_v<T, std::string_view> && !std::is_same_v<T, std::optional<std::string_view>>,
                  "walstream: elements are unescaped into texts of their own: use std::string");
};

} // namespace walstream

#endif
