/* batch.hpp: events that the host owns, wherever their stream is by then. */
#ifndef WALSTREAM_BATCH_HPP
#define WALSTREAM_BATCH_HPP

#include <memory>
#include <walstream/event.hpp>

namespace walstream {

/** Events in order. Never changes: any threads may read it at once. Move-only. Outlives its stream. */
class batch {
public:
    /** Takes a batch of the C API over. */
    explicit batch(::walstream_batch* raw) noexcept : raw_(raw), first_(nullptr), stride_(0), count_(::walstream_batch_count(raw))
    {
        first_ = reinterpret_cast<const char*>(::walstream_batch_events(raw, &stride_));
    }
    batch(batch&& from) noexcept { swap(from); }
    batch& operator=(batch&& from) noexcept
    {
        batch(std::move(from)).swap(*this);
        return *this;
    }

    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    /** Throws errc::argument beyond the end. */
    event operator[](std::size_t index) const
    {
        if (index >= count_) detail::no_such_index("event", index, count_);
        return at(index);
    }
    /** The highest ack_lsn in it: acknowledge this when the whole batch is safe (stream::ack(batch) does). */
    lsn ack_lsn() const noexcept { return lsn(::walstream_batch_ack_lsn(raw_.get())); }
    const ::walstream_batch* raw() const noexcept { return raw_.get(); }

    void swap(batch& other) noexcept
    {
        std::swap(raw_, other.raw_);
        std::swap(first_, other.first_);
        std::swap(stride_, other.stride_);
        std::swap(count_, other.count_);
    }

private:
    struct free {
        void operator()(::walstream_batch* raw) const noexcept { ::walstream_batch_free(raw); }
    };
    /** What an iterator needs to know of the batch. */
    struct span {
        const char* first;
        std::size_t stride, count;
        std::size_t size() const noexcept { return count; }
        event operator[](std::size_t index) const noexcept
        {
            return event(reinterpret_cast<const ::walstream_event*>(first + index * stride));
        }
    };
    span events() const noexcept { return {first_, stride_, count_}; }
    event at(std::size_t index) const noexcept { return events()[index]; }

    std::unique_ptr<::walstream_batch, free> raw_;
    const char* first_ = nullptr;
    std::size_t stride_ = 0;
    std::size_t count_ = 0;

public:
    using iterator = detail::stepper<span, event>;
    using const_iterator = iterator;
    iterator begin() const { return {events(), 0}; }
    iterator end() const { return {events(), count_}; }
};

} // namespace walstream

#endif
