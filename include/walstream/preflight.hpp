/* preflight.hpp: what a stream would trip over, before it starts. */
#ifndef WALSTREAM_PREFLIGHT_HPP
#define WALSTREAM_PREFLIGHT_HPP

#include <cstddef>
#include <iterator>
#include <walstream/config.hpp>

namespace walstream {

/** How bad a finding is. */
enum class severity : std::uint32_t {
    info = WALSTREAM_SEVERITY_INFO,       ///< Worth knowing; nothing has to be done.
    warning = WALSTREAM_SEVERITY_WARNING, ///< The stream runs, but something will be missing or go wrong later.
    error = WALSTREAM_SEVERITY_ERROR      ///< The stream does not start, or cannot go on.
};

/** One thing that was found: a view, valid as long as its report. */
class finding {
public:
    explicit finding(const ::walstream_finding* raw) noexcept : raw_(raw) {}

    walstream::severity severity() const noexcept { return static_cast<walstream::severity>(raw_->severity); }
    /** "slot-missing", …: docs/check.md has them all. */
    std::string_view code() const noexcept { return raw_->code; }
    /** About what: a setting, slot, publication, table, role or process; or "". */
    std::string_view object() const noexcept { return raw_->object; }
    /** What is the case. */
    std::string_view message() const noexcept { return raw_->message; }
    /** What to do. */
    std::string_view remedy() const noexcept { return raw_->remedy; }

private:
    const ::walstream_finding* raw_;
};

/** All that was found, the worst first. Move-only; any thread may read it. */
class report {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = finding;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = finding;

        iterator(const report* of, std::size_t at) noexcept : of_(of), at_(at) {}
        finding operator*() const noexcept { return (*of_)[at_]; }
        iterator& operator++() noexcept
        {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            const iterator before = *this;
            ++at_;
            return before;
        }
        bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }
        bool operator!=(const iterator& other) const noexcept { return at_ != other.at_; }

    private:
        const report* of_;
        std::size_t at_;
    };

    /** Takes it over. */
    explicit report(::walstream_report* raw) noexcept : raw_(raw) {}

    std::size_t size() const noexcept { return ::walstream_report_count(raw_.get()); }
    bool empty() const noexcept { return size() == 0; }
    /** index < size() */
    finding operator[](std::size_t index) const noexcept { return finding(::walstream_report_finding(raw_.get(), index)); }
    iterator begin() const noexcept { return iterator(this, 0); }
    iterator end() const noexcept { return iterator(this, size()); }
    /** Is nothing worse than a warning? */
    bool can_start() const noexcept { return empty() || (*this)[0].severity() < severity::error; }

private:
    struct free {
        void operator()(::walstream_report* raw) const noexcept { ::walstream_report_free(raw); }
    };
    std::unique_ptr<::walstream_report, free> raw_;
};

/** Connects as a stream would, looks, and changes nothing. Throws what start() would throw when nothing answers. */
inline report check(std::string_view conninfo, const config& config = walstream::config())
{
    const std::string text(conninfo);
    if (text.find('\0') != std::string::npos) throw error(errc::argument, "a NUL in the conninfo");
    ::walstream_report* raw = nullptr;
    detail::checked([&](::walstream_error** place) { return ::walstream_check(text.c_str(), config.raw(), &raw, place); });
    return report(raw);
}

} // namespace walstream

#endif
