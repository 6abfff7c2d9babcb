/* value.hpp: one column of one row, and the doors to its conversions. What a value can become is in convert.hpp. */
#ifndef WALSTREAM_VALUE_HPP
#define WALSTREAM_VALUE_HPP

#include <type_traits>
#include <walstream/relation.hpp>

namespace walstream {

class value;

/**
 * How a value that is there (text or binary) becomes a T. Specialise it for types of your own:
 *
 *     template <> struct walstream::converter<mood> {
 *         static mood from(const walstream::value& value) { return parse_mood(value.as<std::string_view>()); }
 *     };
 */
template <class T, class = void> struct converter {
    static_assert(!sizeof(T*), "walstream: a value cannot become this type: see walstream/convert.hpp for those that it can, "
                               "or specialise walstream::converter");
};

namespace detail {
template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
} // namespace detail

/** How a value was sent. */
enum class value_kind : std::uint32_t {
    null = WALSTREAM_VALUE_NULL,           ///< SQL NULL.
    text = WALSTREAM_VALUE_TEXT,           ///< The type's text form.
    binary = WALSTREAM_VALUE_BINARY,       ///< The type's send form (option binary).
    unchanged = WALSTREAM_VALUE_UNCHANGED, ///< Stored apart, not touched by this update, not sent. Not NULL.
    not_sent = WALSTREAM_VALUE_NOT_SENT    ///< Not part of the key of an old row. Not NULL.
};

/** One column of one row. A view: lives as long as its event. */
class value {
public:
    value(const ::walstream_value* raw, walstream::column column) noexcept : raw_(raw), column_(column), type_oid_(column.type_oid()) {}

    value_kind kind() const noexcept { return static_cast<value_kind>(raw_->kind); }
    bool is_null() const noexcept { return kind() == value_kind::null; }
    bool is_unchanged() const noexcept { return kind() == value_kind::unchanged; }
    bool is_not_sent() const noexcept { return kind() == value_kind::not_sent; }
    /** Was it sent, and is it not NULL? */
    bool has_value() const noexcept { return kind() == value_kind::text || kind() == value_kind::binary; }

    /** The bytes as they were sent, in the form that kind() says; "" without a value. */
    std::string_view data() const noexcept { return raw_->data ? std::string_view(raw_->data, raw_->size) : std::string_view(); }

    walstream::column column() const noexcept { return column_; }
    /** By which it is converted. */
    std::uint32_t type_oid() const noexcept { return type_oid_; }

    /** Read as this type: for a column of a domain, whose OID says nothing of the type behind it. */
    value with_type(std::uint32_t type_oid) const noexcept
    {
        value other = *this;
        other.type_oid_ = type_oid;
        return other;
    }

    /**
     * As a T: see convert.hpp. Throws errc::argument when the column's type is another, the value does not fit, or is not there:
     * a NULL can only be read as std::optional<T>, and unchanged and not_sent not at all (ask is_unchanged first).
     */
    template <class T> T as() const
    {
        static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>, "walstream: as<T>() takes a plain type");
        if constexpr (detail::is_optional<T>) {
            static_assert(!detail::is_optional<typename T::value_type>, "walstream: one std::optional is enough");
            if (is_null()) return std::nullopt;
            return as<typename T::value_type>();
        } else {
            if (!has_value()) no_value();
            return converter<T>::from(*this);
        }
    }

    /** errc::argument, naming the column, its type and what it was to become. For converters. */
    [[noreturn]] void refuse(const char* wanted) const
    {
        throw error(errc::argument, "column \"" + std::string(column_.name()) + "\" (type " + type() + ") cannot be read as " + wanted,
                    "use the C++ type that fits the column's, a larger one, or std::string");
    }

    const ::walstream_value* raw() const noexcept { return raw_; }

private:
    std::string type() const
    {
        if (type_oid_ == column_.type_oid() && !column_.type_name().empty()) return std::string(column_.type_name());
        return std::to_string(type_oid_);
    }

    [[noreturn]] void no_value() const
    {
        const std::string column = "column \"" + std::string(column_.name()) + "\" ";
        if (is_null()) throw error(errc::argument, column + "is NULL", "read it as std::optional");
        if (is_unchanged())
            throw error(errc::argument, column + "was not changed, so the server did not send it",
                        "ask is_unchanged() first; REPLICA IDENTITY FULL puts its value into the old row");
        throw error(errc::argument, column + "was not sent: it is not part of the key", "ask is_not_sent() first");
    }

    const ::walstream_value* raw_;
    walstream::column column_;
    std::uint32_t type_oid_;
};

} // namespace walstream

#endif
