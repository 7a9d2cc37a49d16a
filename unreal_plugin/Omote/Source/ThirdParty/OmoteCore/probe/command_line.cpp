#include "command_line.h"

#include "omote/error.h"

namespace {

double NumberIn(const std::string& option, const std::string& value) {
    try {
        std::size_t read = 0;
        const double number = std::stod(value, &read);
        if (read == value.size() && number >= 0) return number;
    } catch (const std::exception&) {
        // falls through to the one message
    }
    throw omote::SettingsError(option + " wants a number from 0, got '" + value + "'");
}

}  // namespace

CommandLine CommandLine::Parse(int count, char** words) {
    CommandLine line;
    for (int at = 1; at < count; ++at) {
        const std::string option = words[at];
        if (option == "--frames" || option == "--params") {
            (option == "--frames" ? line.isListing : line.isParams) = true;
            continue;
        }
        if (++at == count) throw omote::SettingsError(option + " wants a value");
        const std::string value = words[at];
        if (option == "--endpoint") line.endpoint = value;
        else if (option == "--subject") line.subject = value;
        else if (option == "--format") line.format = value;
        else if (option == "--keys") line.keys = value;
        else if (option == "--seconds") line.seconds = NumberIn(option, value);
        else if (option == "--count") line.count = static_cast<long>(NumberIn(option, value));
        else if (option == "--work-ms") line.workMs = static_cast<long>(NumberIn(option, value));
        else if (option == "--warm-up") line.warmUp = static_cast<long>(NumberIn(option, value));
        else throw omote::SettingsError("there is no option " + option);
    }
    return line;
}
