#include "omote/connection.h"

#include <sstream>

#include "omote/error.h"

namespace omote {

namespace {

std::string WithoutBlanks(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string& FieldNamed(Connection& connection, const std::string& word) {
    if (word == "params") return connection.params;
    if (word == "video") return connection.video;
    if (word == "control") return connection.control;
    if (word == "subject") return connection.subject;
    if (word == "keys") return connection.keyFile;
    throw SettingsError("a connection reads params=...;video=...;control=...;subject=...;keys=..., got '" + word + "'");
}

}  // namespace

Connection Connection::With(const std::string& text) const {
    Connection changed = *this;
    std::istringstream entries(text);
    for (std::string entry; std::getline(entries, entry, ';');) {
        if (WithoutBlanks(entry).empty()) continue;
        const auto equals = entry.find('=');
        const std::string value = equals == std::string::npos ? "" : WithoutBlanks(entry.substr(equals + 1));
        FieldNamed(changed, WithoutBlanks(entry.substr(0, equals))) = value;
    }
    return changed;
}

std::optional<ClientKeys> Connection::Keys() const {
    if (keyFile.empty()) return std::nullopt;
    return ClientKeys::Load(keyFile);
}

ReceiverSettings Connection::SettingsFor(const std::string& endpoint, const std::string& format, Order order) const {
    ReceiverSettings settings;
    settings.endpoint = endpoint;
    settings.subject = subject;
    settings.format = format;
    settings.order = order;
    settings.keys = Keys();
    return settings;
}

}  // namespace omote
