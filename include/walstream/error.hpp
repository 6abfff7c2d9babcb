/* error.hpp: how failures are told, and the calls of walstream.h turned into exceptions. */
#ifndef WALSTREAM_ERROR_HPP
#define WALSTREAM_ERROR_HPP

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <walstream.h>

namespace walstream {

/** Why a call failed. Later versions may add some. */
enum class errc : std::int32_t {
    argument = WALSTREAM_E_ARGUMENT,         ///< Unknown option, value not allowed, conversion that does not fit.
    state = WALSTREAM_E_STATE,               ///< The call does not fit the stream's state, such as a read before start.
    busy = WALSTREAM_E_BUSY,                 ///< Another thread reads this stream.
    closed = WALSTREAM_E_CLOSED,             ///< The stream was destroyed meanwhile.
    connect = WALSTREAM_E_CONNECT,           ///< The server was not reached, or lost for too long.
    auth = WALSTREAM_E_AUTH,                 ///< The server refused user, password, certificate or host.
    server = WALSTREAM_E_SERVER,             ///< Another error of the server: see sqlstate.
    slot_missing = WALSTREAM_E_SLOT_MISSING, ///< The slot does not exist.
    slot_in_use = WALSTREAM_E_SLOT_IN_USE,   ///< Another connection reads the slot.
    slot_lost = WALSTREAM_E_SLOT_LOST,       ///< The server invalidated the slot.
    publication = WALSTREAM_E_PUBLICATION,   ///< A publication does not exist.
    gap = WALSTREAM_E_GAP,                   ///< Changes were skipped, or lie on another timeline.
    wrong_system = WALSTREAM_E_WRONG_SYSTEM, ///< Another cluster answers at this address.
    protocol = WALSTREAM_E_PROTOCOL,         ///< Bytes that PostgreSQL's protocol does not allow.
    ack_ahead = WALSTREAM_E_ACK_AHEAD,       ///< An acknowledgement beyond what was delivered.
    io = WALSTREAM_E_IO,                     ///< A file or descriptor failed: see os_errno.
    memory = WALSTREAM_E_MEMORY,             ///< The library is out of memory.
    unsupported = WALSTREAM_E_UNSUPPORTED,   ///< This server, or this build of the library, cannot do it.
    panic = WALSTREAM_E_PANIC,               ///< A bug of the library, caught at its boundary.
    diverged = WALSTREAM_E_DIVERGED          ///< A resent transaction differs from the part already delivered.
};

/** What a read or stop came to, when it did not fail. */
enum class outcome : std::int32_t {
    ok = WALSTREAM_OK,           ///< Done; a read gave something.
    timeout = WALSTREAM_TIMEOUT, ///< Nothing came in time. Read again.
    woken = WALSTREAM_WOKEN,     ///< wake() was called. Read again, or stop.
    end = WALSTREAM_END          ///< The stream is over (stop_lsn, stop): so is every later read.
};

/** Every failure. Copies share their texts, so that copying cannot throw. */
class error : public std::exception {
public:
    /** For converters of one's own: a failure as the library reports it. */
    error(errc code, std::string message, std::string hint = std::string())
        : texts_(std::make_shared<const texts>(texts{std::move(message), {}, std::move(hint), {}})), code_(code)
    {
    }

    /** Copies a C error, which stays its owner's. NULL: only the code is known. */
    error(std::int32_t code, const ::walstream_error* from)
        : texts_(std::make_shared<const texts>(from ? texts{from->message, from->detail, from->hint, from->sqlstate}
                                                    : texts{::walstream_code_name(code), {}, {}, {}})),
          code_(static_cast<errc>(code)), flags_(from ? from->flags : 0), os_errno_(from ? from->os_errno : 0)
    {
    }

    /** The message. */
    const char* what() const noexcept override { return texts_->message.c_str(); }
    errc code() const noexcept { return code_; }
    /** "WALSTREAM_E_SLOT_LOST" */
    const char* name() const noexcept { return ::walstream_code_name(static_cast<std::int32_t>(code_)); }
    /** One line: what happened, to which object. */
    const std::string& message() const noexcept { return texts_->message; }
    /** The server's DETAIL, or "". */
    const std::string& detail() const noexcept { return texts_->detail; }
    /** What to do, or "". */
    const std::string& hint() const noexcept { return texts_->hint; }
    /** Five characters when the server reported it, else "". */
    const std::string& sqlstate() const noexcept { return texts_->sqlstate; }
    /** errno of a failed system call, else 0. */
    int os_errno() const noexcept { return os_errno_; }
    /** The stream is over: every later read throws the same. */
    bool fatal() const noexcept { return (flags_ & WALSTREAM_ERROR_FATAL) != 0; }
    /** The same call may succeed later without any change. */
    bool retriable() const noexcept { return (flags_ & WALSTREAM_ERROR_RETRIABLE) != 0; }

private:
    struct texts {
        std::string message, detail, hint, sqlstate;
    };
    std::shared_ptr<const texts> texts_;
    errc code_;
    std::uint32_t flags_ = 0;
    int os_errno_ = 0;
};

namespace detail {

struct error_free {
    void operator()(::walstream_error* error) const noexcept { ::walstream_error_free(error); }
};

/** Calls f with a place for an error; what is negative is thrown, the rest given back. */
template <class F> outcome checked(F&& f)
{
    ::walstream_error* place = nullptr;
    const std::int32_t code = f(&place);
    const std::unique_ptr<::walstream_error, error_free> owned(place);
    if (code < 0) throw error(code, place);
    return static_cast<outcome>(code);
}

} // namespace detail
} // namespace walstream

#endif
