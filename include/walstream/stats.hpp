/* stats.hpp: how a stream is doing. */
#ifndef WALSTREAM_STATS_HPP
#define WALSTREAM_STATS_HPP

#include <chrono>
#include <walstream/lsn.hpp>

namespace walstream {

/** What the stream is doing. */
enum class state : std::uint32_t {
    open = WALSTREAM_STATE_OPEN,
    connecting = WALSTREAM_STATE_CONNECTING,
    streaming = WALSTREAM_STATE_STREAMING,
    waiting_to_retry = WALSTREAM_STATE_WAITING_TO_RETRY,
    ended = WALSTREAM_STATE_ENDED,
    failed = WALSTREAM_STATE_FAILED
};

/** A snapshot. */
struct stats {
    walstream::state state;
    lsn received;                              ///< Highest position received.
    lsn delivered;                             ///< Highest ack_lsn handed out.
    lsn acked;                                 ///< Highest acknowledged.
    lsn confirmed;                             ///< Flush position last sent; above acked when idle positions were confirmed.
    lsn server;                                ///< How far the server said that it is.
    std::uint64_t lag_bytes;                   ///< From confirmed to server.
    std::chrono::microseconds commit_delay;    ///< From the last commit to its receipt, by both clocks.
    std::uint64_t events;                      ///< Made since start, queued ones included.
    std::uint64_t bytes;                       ///< Received in messages with WAL data.
    std::uint64_t queue_events;                ///< Waiting for the host.
    std::uint64_t queue_bytes;                 ///< Memory of those.
    std::uint64_t host_bytes;                  ///< In batches that the host holds.
    std::uint64_t spilled_bytes;               ///< On disk for transactions without a commit.
    std::uint64_t open_transactions;           ///< Sent by the server before their commit.
    std::uint64_t reconnects;                  ///< Connections made anew.
    std::chrono::microseconds stalled;         ///< Time that the queue was full.
    std::optional<errc> last_error;            ///< The last error, also one that was retried.
    std::uint64_t naps;                        ///< How often messages were let pile up, by the option pacing.
    std::chrono::microseconds nap;             ///< How long the latest nap was to be.

    explicit stats(const ::walstream_stats& from) noexcept
        : state(static_cast<walstream::state>(from.state)), received(from.received_lsn), delivered(from.delivered_lsn),
          acked(from.acked_lsn), confirmed(from.confirmed_lsn), server(from.server_lsn), lag_bytes(from.lag_bytes),
          commit_delay(from.commit_delay_us), events(from.events), bytes(from.bytes), queue_events(from.queue_events),
          queue_bytes(from.queue_bytes), host_bytes(from.host_bytes), spilled_bytes(from.spilled_bytes),
          open_transactions(from.open_transactions), reconnects(from.reconnects), stalled(from.stalled_us),
          naps(from.naps), nap(from.nap_us)
    {
        if (from.last_error < 0) last_error = static_cast<errc>(from.last_error);
    }
};

} // namespace walstream

#endif
