// As program.c, through walstream.hpp.
#include <cstdio>
#include <walstream.hpp>

int main()
{
    walstream::config config;
    config.set("slot", "s").set("publication", "p");
    walstream::stream stream("host=/nonexistent port=1", config);
    try {
        stream.start();
    } catch (const walstream::error& error) {
        std::printf("C++ %s %s\n", ::walstream_version(), error.name());
        return error.code() != walstream::errc::connect;
    }
    return 1;
}
