/* row.hpp: the values of one row, by the names of their columns. */
#ifndef WALSTREAM_ROW_HPP
#define WALSTREAM_ROW_HPP

#include <walstream/array.hpp>
#include <walstream/convert.hpp>

namespace walstream {

/** A new or old row. False where the event has none; then it has no values. A view: lives as long as its event. */
class row {
public:
    row(walstream::relation relation, const ::walstream_value* values, std::uint32_t count) noexcept
        : relation_(relation), values_(values), count_(count)
    {
    }

    explicit operator bool() const noexcept { return count_ != 0; }
    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    walstream::relation relation() const noexcept { return relation_; }

    /** By position. Throws errc::argument beyond the end. */
    value operator[](std::size_t index) const
    {
        if (index >= count_) detail::no_such_index("value", index, count_);
        return value(values_ + index, relation_.columns()[index]);
    }

    /** By name. Throws errc::argument when there is no such column, or no row. */
    value operator[](std::string_view name) const
    {
        const std::optional<std::size_t> index = relation_.find(name);
        if (!index)
            throw error(errc::argument, "there is no column \"" + std::string(name) + "\" in " +
                                            std::string(relation_.schema()) + "." + std::string(relation_.name()));
        return (*this)[*index];
    }

    /** The same as row[at].as<T>(). */
    template <class T> T get(std::size_t index) const { return (*this)[index].template as<T>(); }
    template <class T> T get(std::string_view name) const { return (*this)[name].template as<T>(); }

    detail::stepper<row, value> begin() const { return {*this, 0}; }
    detail::stepper<row, value> end() const { return {*this, size()}; }

private:
    walstream::relation relation_;
    const ::walstream_value* values_;
    std::uint32_t count_;
};

} // namespace walstream

#endif
