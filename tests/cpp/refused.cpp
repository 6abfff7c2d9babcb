/*
 * What the compiler must refuse. Compiled once with REFUSED=0, where it must pass, and once with each number, where it must
 * fail with the text beside it (CMakeLists.txt reads them from here).
 */
#include <walstream.hpp>

int use(walstream::stream& stream, walstream::batch& batch, walstream::config& config, const walstream::value& value);

int use(walstream::stream& stream, walstream::batch& batch, walstream::config& config, const walstream::value& value)
{
    value.as<std::optional<int>>();
    config.set("messages", true);
#if REFUSED == 1 // a value cannot become this type
    value.as<const char*>();
#elif REFUSED == 2 // a value cannot become this type
    value.as<char>();
#elif REFUSED == 3 // as<T>.. takes a plain type
    value.as<const std::string&>();
#elif REFUSED == 4 // one std::optional is enough
    value.as<std::optional<std::optional<int>>>();
#elif REFUSED == 5 // a value cannot become this type
    value.as<std::optional<std::vector<char>>>();
    value.as<std::vector<void*>>();
#elif REFUSED == 6 // use std::string
    value.as<std::vector<std::string_view>>();
#elif REFUSED == 7 // deleted
    walstream::stream copy = stream;
#elif REFUSED == 8 // deleted
    walstream::batch copy = batch;
#elif REFUSED == 9 // deleted
    walstream::config copy = config;
#elif REFUSED == 10 // options are texts, integers or bool
    config.set("retry.max_ms", 1.5);
#elif REFUSED == 11 // no event has such a detail
    batch[0].detail<walstream_stats>();
#elif REFUSED == 12 // no match|no matching|cannot convert
    stream.ack(1234);
#elif REFUSED == 13 // could not convert|no viable conversion|cannot convert|no known conversion
    stream.next(100);
#elif REFUSED == 14 // const
    *batch.begin() = batch[0];
#endif
    return batch.empty() && !stream.next();
}
