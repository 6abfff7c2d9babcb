/*
 * The C++ host of the conformance test: prints each event up to STOP_LSN as one line of JSON and acknowledges it.
 *
 *     host CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE…]
 */
#include <cstdio>
#include <stdexcept>
#include <walstream.hpp>

static void follow(int argc, char** argv)
{
    walstream::config config;
    config.set("slot", argv[2]).set("publication", argv[3]).set("stop_lsn", argv[4]);
    for (int i = 5; i < argc; i++) {
        const std::string option = argv[i];
        const std::size_t equals = option.find('=');
        if (equals == std::string::npos) throw std::invalid_argument("not KEY=VALUE: " + option);
        config.set(option.substr(0, equals), option.substr(equals + 1));
    }
    walstream::stream stream(argv[1], config);
    stream.start();
    for (auto& event : stream.events()) {
        const std::string line = event.to_json() + "\n";
        if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) throw std::runtime_error("cannot write");
        stream.ack(event);
    }
    if (stream.outcome() != walstream::outcome::end) throw std::runtime_error("the stream did not come to its end");
    if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write");
    stream.stop();
}

int main(int argc, char** argv)
{
    if (argc < 5) {
        std::fprintf(stderr, "usage: %s CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE...]\n", argv[0]);
        return 2;
    }
    try {
        follow(argc, argv);
    } catch (const walstream::error& error) {
        std::fprintf(stderr, "%s: %s\nhint: %s\n", error.name(), error.what(), error.hint().c_str());
        return 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
