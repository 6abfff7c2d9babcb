/* config.hpp: the options of streams to come. */
#ifndef WALSTREAM_CONFIG_HPP
#define WALSTREAM_CONFIG_HPP

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <walstream/error.hpp>

namespace walstream {

/** How grave a log message is. */
enum class log_level : std::int32_t { error = 0, warning = 1, info = 2, debug = 3 };

/**
 * Called on the stream's thread or on one that is inside a call of the stream, never two at once for one stream. Must not call
 * that stream, but for wake. What it throws is dropped: it ends where it was thrown.
 */
using log_function = std::function<void(log_level, std::string_view message)>;

/** Copied by each stream made with it: change, reuse or destroy it afterwards. Move-only; one thread at a time. */
class config {
public:
    config() : raw_(::walstream_config_new())
    {
        // Before anything else is called: a library of another major version is another library.
        if (::walstream_abi_version() != WALSTREAM_VERSION_MAJOR)
            throw error(errc::unsupported, std::string("the library is walstream ") + ::walstream_version() +
                                               ", which programs built for " + std::to_string(WALSTREAM_VERSION_MAJOR) + ".x cannot use");
        if (!raw_) throw std::bad_alloc();
    }

    /** docs/options.md lists them. Throws errc::argument for an unknown key or a bad value, saying what is allowed. */
    config& set(std::string_view key, std::string_view value) { return put(key, &value); }
    /** A number, or a bool as "on" and "off". */
    template <class T, std::enable_if_t<std::is_arithmetic_v<T> && !std::is_same_v<T, char>, int> = 0> config& set(std::string_view key, T value)
    {
        static_assert(std::is_integral_v<T>, "walstream: options are texts, integers or bool");
        if constexpr (std::is_same_v<T, bool>)
            return set(key, std::string_view(value ? "on" : "off"));
        else
            return set(key, std::string_view(std::to_string(value)));
    }
    /** Back to the default. */
    config& reset(std::string_view key) { return put(key, nullptr); }

    /** As it was set, or its default; none for an unknown key. */
    std::optional<std::string> get(std::string_view key) const
    {
        const char* value = ::walstream_config_get(raw_.get(), std::string(key).c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
    }

    /** Streams made from now on log to this; an empty function turns it off. It lives as long as the last of them. */
    config& set_log(log_function log)
    {
        std::shared_ptr<log_function> shared = log ? std::make_shared<log_function>(std::move(log)) : nullptr;
        const std::int32_t code = ::walstream_config_set_log(raw_.get(), shared ? &forward : nullptr, shared.get());
        if (code < 0) throw error(code, nullptr);
        log_ = std::move(shared);
        return *this;
    }

    const ::walstream_config* raw() const noexcept { return raw_.get(); }

private:
    friend class stream;
    struct free {
        void operator()(::walstream_config* raw) const noexcept { ::walstream_config_free(raw); }
    };

    static void forward(void* user, std::int32_t level, const char* message) noexcept
    {
        try {
            (*static_cast<log_function*>(user))(static_cast<log_level>(level), message);
        } catch (...) {
        }
    }

    config& put(std::string_view key, const std::string_view* value)
    {
        const std::string key_text = text("key", key), value_text = value ? text("value", *value) : std::string();
        detail::checked([&](::walstream_error** place) {
            return ::walstream_config_set(raw_.get(), key_text.c_str(), value ? value_text.c_str() : nullptr, place);
        });
        return *this;
    }

    static std::string text(const char* what, std::string_view text)
    {
        if (text.find('\0') != std::string_view::npos)
            throw error(errc::argument, std::string("a NUL in the ") + what + " of an option");
        return std::string(text);
    }

    std::unique_ptr<::walstream_config, free> raw_;
    std::shared_ptr<log_function> log_;
};

} // namespace walstream

#endif
