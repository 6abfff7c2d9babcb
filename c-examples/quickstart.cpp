// Prints every committed change of a publication:  quickstart-cpp [CONNINFO [PUBLICATION [SLOT]]]
#include <iostream>
#include <walstream.hpp>

static void print_row(const walstream::event& event)
{
    std::cout << event.kind_name() << " " << event.relation().schema() << "." << event.relation().name();
    for (auto& value : event.row()) {
        if (value.is_unchanged() || value.is_not_sent()) continue;
        std::cout << "  " << value.column().name() << "=" << value.as<std::optional<std::string>>().value_or("NULL");
    }
    std::cout << "\n";
}

int main(int argc, char** argv)
{
    try {
        walstream::config config;
        config.set("publication", argc > 2 ? argv[2] : "walstream");
        config.set("slot", argc > 3 ? argv[3] : "walstream").set("slot.create", "if-missing");

        walstream::stream stream(argc > 1 ? argv[1] : "", config);
        stream.start();
        for (auto& event : stream.events()) {
            if (event.row()) print_row(event);
            if (event.ack_lsn()) { // a transaction ended: all of it is handled, never send it again
                std::cout.flush();
                stream.ack(event);
            }
        }
    } catch (const walstream::error& error) {
        std::cerr << error.what() << "\n";
        if (!error.hint().empty()) std::cerr << "hint: " << error.hint() << "\n";
        return 1;
    }
}
