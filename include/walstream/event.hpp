/* event.hpp: what a stream delivers. A view: it lives as long as walstream.hpp says. */
#ifndef WALSTREAM_EVENT_HPP
#define WALSTREAM_EVENT_HPP

#include <walstream/lsn.hpp>
#include <walstream/row.hpp>

namespace walstream {

/** What an event tells. A host skips kinds that it does not know: later versions may add some. */
enum class kind : std::uint32_t {
    begin = WALSTREAM_BEGIN,
    commit = WALSTREAM_COMMIT,
    origin = WALSTREAM_ORIGIN,
    relation = WALSTREAM_RELATION,
    type = WALSTREAM_TYPE,
    insert = WALSTREAM_INSERT,
    update = WALSTREAM_UPDATE,
    // `delete` is a word of the language
    delete_ = WALSTREAM_DELETE,
    truncate = WALSTREAM_TRUNCATE,
    message = WALSTREAM_MESSAGE,
    begin_prepare = WALSTREAM_BEGIN_PREPARE,
    prepare = WALSTREAM_PREPARE,
    commit_prepared = WALSTREAM_COMMIT_PREPARED,
    rollback_prepared = WALSTREAM_ROLLBACK_PREPARED,
    stream_start = WALSTREAM_STREAM_START,
    stream_stop = WALSTREAM_STREAM_STOP,
    stream_commit = WALSTREAM_STREAM_COMMIT,
    stream_abort = WALSTREAM_STREAM_ABORT,
    stream_prepare = WALSTREAM_STREAM_PREPARE,
    interrupted = WALSTREAM_INTERRUPTED,
    position = WALSTREAM_POSITION,
    raw = WALSTREAM_RAW,
    wal = WALSTREAM_WAL,
    timeline = WALSTREAM_TIMELINE,
    backup_start = WALSTREAM_BACKUP_START,
    archive_begin = WALSTREAM_ARCHIVE_BEGIN,
    backup_data = WALSTREAM_BACKUP_DATA,
    backup_progress = WALSTREAM_BACKUP_PROGRESS,
    manifest_begin = WALSTREAM_MANIFEST_BEGIN,
    backup_end = WALSTREAM_BACKUP_END
};

/** "INSERT"; "unknown" for others. */
inline const char* name(kind kind) noexcept
{
    return ::walstream_kind_name(static_cast<std::uint32_t>(kind));
}

/** How much of the old row was sent. */
enum class old_kind : std::uint32_t {
    none = WALSTREAM_OLD_NONE, ///< Nothing: of an UPDATE it means that its key did not change.
    key = WALSTREAM_OLD_KEY,   ///< The replica identity; the other columns are not_sent.
    full = WALSTREAM_OLD_FULL  ///< All of it (REPLICA IDENTITY FULL).
};

namespace detail {
template <class Detail> inline constexpr kind kind_with = kind(0);
template <> inline constexpr kind kind_with<::walstream_type_detail> = kind::type;
template <> inline constexpr kind kind_with<::walstream_origin_detail> = kind::origin;
template <> inline constexpr kind kind_with<::walstream_rollback_detail> = kind::rollback_prepared;
template <> inline constexpr kind kind_with<::walstream_timeline_detail> = kind::timeline;
template <> inline constexpr kind kind_with<::walstream_tablespace_detail> = kind::backup_start;
template <> inline constexpr kind kind_with<::walstream_progress_detail> = kind::backup_progress;
} // namespace detail

/** One event. */
class event {
public:
    explicit event(const ::walstream_event* raw) noexcept : raw_(raw) {}

    walstream::kind kind() const noexcept { return static_cast<walstream::kind>(raw_->kind); }
    /** "INSERT" */
    const char* kind_name() const noexcept { return ::walstream_kind_name(raw_->kind); }

    /** Has it an identity (commit_lsn, seq): the same on each redelivery, rising? */
    bool has_identity() const noexcept { return !flag(WALSTREAM_EVENT_NO_IDENTITY); }
    walstream::lsn commit_lsn() const noexcept { return walstream::lsn(raw_->commit_lsn); }
    std::uint64_t seq() const noexcept { return raw_->seq; }

    /** Of this change; 0 if the server gave none. */
    walstream::lsn lsn() const noexcept { return walstream::lsn(raw_->lsn); }
    /** Not 0: once everything up to here is safe, acknowledge this (stream::ack(event) does). */
    walstream::lsn ack_lsn() const noexcept { return walstream::lsn(raw_->ack_lsn); }
    /** None when the server gave none. */
    std::optional<time_point> commit_time() const noexcept
    {
        return raw_->commit_time_us == 0 ? std::nullopt : detail::time_at(raw_->commit_time_us);
    }
    std::uint32_t xid() const noexcept { return raw_->xid; }
    std::uint32_t subxid() const noexcept { return raw_->subxid; }

    /** Of row events and RELATION; else false. */
    walstream::relation relation() const noexcept { return walstream::relation(raw_->relation); }
    /** After INSERT and UPDATE. */
    walstream::row new_row() const noexcept { return walstream::row(relation(), raw_->new_values, raw_->new_count); }
    /** Before UPDATE and DELETE, as far as old_kind says. */
    walstream::row old_row() const noexcept { return walstream::row(relation(), raw_->old_values, raw_->old_count); }
    /** The new row, or the old one of a DELETE. */
    walstream::row row() const noexcept { return raw_->new_count ? new_row() : old_row(); }
    walstream::old_kind old_kind() const noexcept { return static_cast<walstream::old_kind>(raw_->old_kind); }

    /** The index-th relation of a TRUNCATE, or (index 0) that of a row event; false beyond. */
    walstream::relation relation(std::uint32_t index) const noexcept
    {
        return walstream::relation(::walstream_event_relation(raw_, index));
    }
    bool cascade() const noexcept { return flag(WALSTREAM_EVENT_TRUNCATE_CASCADE); }
    bool restart_identity() const noexcept { return flag(WALSTREAM_EVENT_RESTART_IDENTITY); }

    /** A MESSAGE that belongs to its transaction. */
    bool transactional() const noexcept { return flag(WALSTREAM_EVENT_TRANSACTIONAL); }
    /** Sent before its commit (delivery=as-sent). */
    bool streamed() const noexcept { return flag(WALSTREAM_EVENT_STREAMED); }

    /** GID, message prefix, origin or file name; "" where the kind has none. */
    std::string_view name() const noexcept { return raw_->name ? std::string_view(raw_->name, raw_->name_len) : std::string_view(); }
    /** Message content, RAW output, WAL; a NUL follows. */
    std::string_view payload() const noexcept
    {
        return raw_->payload ? std::string_view(reinterpret_cast<const char*>(raw_->payload), raw_->payload_len) : std::string_view();
    }

    /** What only this kind has, such as detail<walstream_origin_detail>(); NULL for an event of another kind. */
    template <class Detail> const Detail* detail() const noexcept
    {
        static_assert(detail::kind_with<Detail> != walstream::kind(0), "walstream: no event has such a detail");
        return kind() == detail::kind_with<Detail> ? static_cast<const Detail*>(raw_->detail) : nullptr;
    }
    /** Elements behind detail. */
    std::size_t detail_count() const noexcept { return raw_->detail_count; }

    /** One JSON object without a newline, as docs/json.md describes it; valid UTF-8. */
    std::string to_json() const
    {
        std::size_t size = 0;
        std::string text;
        if (::walstream_event_to_json(raw_, nullptr, 0, &size) == WALSTREAM_OK) {
            text.resize(size);
            // The NUL that follows goes to the place that std::string keeps for it.
            ::walstream_event_to_json(raw_, text.data(), size + 1, &size);
        }
        return text;
    }

    const ::walstream_event* raw() const noexcept { return raw_; }

private:
    bool flag(std::uint32_t bit) const noexcept { return (raw_->flags & bit) != 0; }
    const ::walstream_event* raw_;
};

} // namespace walstream

#endif
