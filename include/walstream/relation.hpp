/* relation.hpp: tables and columns as they are at one point of the stream. Views; they live as long as their event. */
#ifndef WALSTREAM_RELATION_HPP
#define WALSTREAM_RELATION_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <walstream/error.hpp>

namespace walstream {

/** One published column. */
class column {
public:
    explicit column(const ::walstream_column* raw) noexcept : raw_(raw) {}

    std::string_view name() const noexcept { return {raw_->name, raw_->name_len}; }
    /** As in pg_type.typname; "" when nobody named it. */
    std::string_view type_name() const noexcept { return {raw_->type_name, raw_->type_name_len}; }
    std::uint32_t type_oid() const noexcept { return raw_->type_oid; }
    /** -1: none */
    std::int32_t type_modifier() const noexcept { return raw_->type_modifier; }
    /** Part of the replica identity. Under FULL every column is: this is not the primary key. */
    bool is_key() const noexcept { return (raw_->flags & WALSTREAM_COLUMN_KEY) != 0; }
    const ::walstream_column* raw() const noexcept { return raw_; }

private:
    const ::walstream_column* raw_;
};

namespace detail {

/**
 * Steps through what a container makes by index. It holds the view it points to, so that `auto& x` works, and is
 * therefore an input iterator only: *it ends with the next ++it.
 */
template <class Container, class View> class stepper {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = View;
    using difference_type = std::ptrdiff_t;
    using pointer = const View*;
    using reference = const View&;

    stepper(Container container, std::size_t index) : container_(container), index_(index) { look(); }

    reference operator*() const noexcept { return *view_; }
    pointer operator->() const noexcept { return &*view_; }
    stepper& operator++()
    {
        ++index_;
        look();
        return *this;
    }
    stepper operator++(int)
    {
        stepper before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const stepper& a, const stepper& b) noexcept { return a.index_ == b.index_; }
    friend bool operator!=(const stepper& a, const stepper& b) noexcept { return a.index_ != b.index_; }

private:
    void look()
    {
        if (index_ < container_.size()) view_.emplace(container_[index_]);
    }
    Container container_;
    std::size_t index_;
    std::optional<View> view_;
};

[[noreturn]] inline void no_such_index(const char* what, std::size_t index, std::size_t count)
{
    throw error(errc::argument, std::string("there is no ") + what + " " + std::to_string(index) + ": there are " + std::to_string(count));
}

} // namespace detail

/** The columns of a relation, in the order of the values. */
class columns {
public:
    explicit columns(const ::walstream_relation* raw) noexcept : raw_(raw) {}

    std::size_t size() const noexcept { return raw_ ? raw_->column_count : 0; }
    bool empty() const noexcept { return size() == 0; }
    /** Throws errc::argument beyond the end. */
    column operator[](std::size_t index) const
    {
        if (index >= size()) detail::no_such_index("column", index, size());
        // Later versions of the library may have longer columns than this header.
        const char* at = reinterpret_cast<const char*>(raw_->columns) + index * raw_->column_size;
        return column(reinterpret_cast<const ::walstream_column*>(at));
    }
    detail::stepper<columns, column> begin() const { return {*this, 0}; }
    detail::stepper<columns, column> end() const { return {*this, size()}; }

private:
    const ::walstream_relation* raw_;
};

/** A table's published columns at one point of the stream. False where an event has none. */
class relation {
public:
    explicit relation(const ::walstream_relation* raw) noexcept : raw_(raw) {}

    explicit operator bool() const noexcept { return raw_ != nullptr; }
    std::string_view schema() const noexcept { return raw_ ? std::string_view(raw_->schema, raw_->schema_len) : std::string_view(); }
    std::string_view name() const noexcept { return raw_ ? std::string_view(raw_->name, raw_->name_len) : std::string_view(); }
    std::uint32_t oid() const noexcept { return raw_ ? raw_->oid : 0; }
    /** 'd' default, 'n' nothing, 'f' full, 'i' index */
    char replica_identity() const noexcept { return raw_ ? static_cast<char>(raw_->replica_identity) : '\0'; }
    std::size_t key_count() const noexcept { return raw_ ? raw_->key_count : 0; }
    /** Names this definition in this process: equal version, equal contents. Cache by it. */
    std::uint64_t version() const noexcept { return raw_ ? raw_->version : 0; }
    walstream::columns columns() const noexcept { return walstream::columns(raw_); }

    /** Index of the column with exactly this name. */
    std::optional<std::size_t> find(std::string_view name) const noexcept
    {
        if (!raw_) return std::nullopt;
        const char* at = reinterpret_cast<const char*>(raw_->columns);
        for (std::size_t index = 0; index < raw_->column_count; index++, at += raw_->column_size)
            if (column(reinterpret_cast<const ::walstream_column*>(at)).name() == name) return index;
        return std::nullopt;
    }

    const ::walstream_relation* raw() const noexcept { return raw_; }

private:
    const ::walstream_relation* raw_;
};

} // namespace walstream

#endif
