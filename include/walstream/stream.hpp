/* stream.hpp: one slot, read in commit order. */
#ifndef WALSTREAM_STREAM_HPP
#define WALSTREAM_STREAM_HPP

#include <walstream/batch.hpp>
#include <walstream/config.hpp>
#include <walstream/stats.hpp>

namespace walstream {

class event_range;

/** One slot, one thread of the library's. Move-only. Its destructor never waits for the network: stop() first to be sure of the last ack. */
class stream {
public:
    /** Checks both; no network, never waits. "" takes all from the PG* environment, as libpq does. */
    explicit stream(std::string_view conninfo, const config& config = walstream::config()) : log_(config.log_)
    {
        const std::string text(conninfo);
        if (text.find('\0') != std::string::npos) throw error(errc::argument, "a NUL in the conninfo");
        ::walstream_stream* raw = nullptr;
        detail::checked([&](::walstream_error** place) { return ::walstream_open(text.c_str(), config.raw(), &raw, place); });
        raw_.reset(raw);
    }
    stream(stream&&) noexcept = default;
    stream& operator=(stream&& from) noexcept
    {
        // In this order: the old stream logs until it is freed.
        raw_ = std::move(from.raw_);
        log_ = std::move(from.log_);
        outcome_ = from.outcome_;
        return *this;
    }

    /**
     * Connects and starts streaming. Waits at most connect_timeout_ms and slot.wait_ms; after a failure it may be called
     * again. `from`: none for where the slot stands, else the host's own last durable ack_lsn. outcome::woken when
     * wake() cut it short, else outcome::ok.
     */
    walstream::outcome start(lsn from = lsn())
    {
        return detail::checked([&](::walstream_error** place) { return ::walstream_start(raw_.get(), from.value(), place); });
    }

    /** The next event, which lives until the next read. None: outcome() says why. */
    std::optional<event> next(std::chrono::milliseconds timeout = forever)
    {
        const ::walstream_event* raw = nullptr;
        outcome_ = detail::checked(
            [&](::walstream_error** place) { return ::walstream_next_event(raw_.get(), detail::timeout(timeout), &raw, place); });
        return raw ? std::optional<event>(event(raw)) : std::nullopt;
    }

    /** All that is ready, waiting only when nothing is. None: outcome() says why. */
    std::optional<batch> next_batch(std::chrono::milliseconds timeout = forever)
    {
        ::walstream_batch* raw = nullptr;
        outcome_ = detail::checked(
            [&](::walstream_error** place) { return ::walstream_next_batch(raw_.get(), detail::timeout(timeout), &raw, place); });
        return raw ? std::optional<batch>(batch(raw)) : std::nullopt;
    }

    /** For a range-for: events until one did not come within the timeout, wake() was called or the stream ended: see outcome(). */
    event_range events(std::chrono::milliseconds timeout = forever);

    /** What the last read came to. */
    walstream::outcome outcome() const noexcept { return outcome_; }

    /**
     * Everything up to and including this is safe on this side. Throws errc::ack_ahead above what was delivered; below an
     * earlier one nothing changes. Never waits. Any thread.
     */
    void ack(lsn position)
    {
        detail::checked([&](::walstream_error** place) { return ::walstream_ack_lsn(raw_.get(), position.value(), place); });
    }
    /** Nothing when no transaction ends with it. */
    void ack(const event& event)
    {
        if (event.ack_lsn()) ack(event.ack_lsn());
    }
    /** Nothing when no transaction ends in it. */
    void ack(const batch& batch)
    {
        if (batch.ack_lsn()) ack(batch.ack_lsn());
    }

    /** Ends one wait: the read (or start) now waiting, or else the next one. Any thread; async-signal-safe. */
    void wake() noexcept { static_cast<void>(::walstream_wake(raw_.get())); }

    /** A snapshot, never waits. Any thread. */
    walstream::stats stats() const
    {
        ::walstream_stats raw = {};
        raw.struct_size = sizeof raw;
        const std::int32_t code = ::walstream_get_stats(raw_.get(), &raw);
        if (code < 0) throw error(code, nullptr);
        return walstream::stats(raw);
    }

    /** Where the host stands, with the identity of the server: for the option start.position of a later process. Any thread. */
    std::string position() const
    {
        char buffer[WALSTREAM_POSITION_BUFFER];
        detail::checked([&](::walstream_error** place) { return ::walstream_position(raw_.get(), buffer, place); });
        return buffer;
    }

    /** For poll or epoll: readable while a read would return at once. Then read with timeout 0 until outcome::timeout. Any thread. */
    std::ptrdiff_t ready_fd() const noexcept { return ::walstream_ready_fd(raw_.get()); }

    /** Sends the last ack, ends the stream. outcome::timeout when the server did not answer in time and the line was cut. */
    walstream::outcome stop(std::chrono::milliseconds timeout = std::chrono::seconds(10))
    {
        return detail::checked([&](::walstream_error** place) { return ::walstream_stop(raw_.get(), detail::timeout(timeout), place); });
    }

    /** What the destructor does. */
    void close() noexcept
    {
        raw_.reset();
        log_.reset();
    }

    /** For what only the C API has. */
    ::walstream_stream* raw() const noexcept { return raw_.get(); }

private:
    struct free {
        void operator()(::walstream_stream* raw) const noexcept { ::walstream_free(raw); }
    };
    // Destroyed after raw_, which logs until it is freed.
    std::shared_ptr<log_function> log_;
    std::unique_ptr<::walstream_stream, free> raw_;
    walstream::outcome outcome_ = walstream::outcome::ok;
};

/** What stream::events() gives: one pass of reads. The stream must neither move nor end meanwhile. */
class event_range {
public:
    event_range(stream& stream, std::chrono::milliseconds timeout) noexcept : stream_(&stream), timeout_(timeout) {}

    class end_mark {};

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = event;
        using difference_type = std::ptrdiff_t;
        using pointer = event*;
        using reference = event&;

        explicit iterator(event_range& range) noexcept : range_(&range) {}
        reference operator*() const noexcept { return *range_->current_; }
        pointer operator->() const noexcept { return &*range_->current_; }
        iterator& operator++()
        {
            range_->read();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, end_mark) noexcept { return at.over(); }
        friend bool operator!=(const iterator& at, end_mark) noexcept { return !at.over(); }

    private:
        bool over() const noexcept { return !range_->current_; }
        event_range* range_;
    };

    /** Reads the first event. */
    iterator begin()
    {
        read();
        return iterator(*this);
    }
    end_mark end() const noexcept { return {}; }

private:
    void read() { current_ = stream_->next(timeout_); }
    stream* stream_;
    std::chrono::milliseconds timeout_;
    std::optional<event> current_;
};

inline event_range stream::events(std::chrono::milliseconds timeout)
{
    return event_range(*this, timeout);
}

} // namespace walstream

#endif
