#pragma once

#include <memory>
#include <string>

#include "omote/control_client.h"
#include "omote/receiver.h"

namespace omote {

/// Where Omote is and how it is spoken to.
struct Connection {
    std::string params = "tcp://127.0.0.1:5556";
    std::string video = "tcp://127.0.0.1:5557";
    std::string control = "tcp://127.0.0.1:5558";
    std::string subject = "omote";
    std::string keyFile;  // empty: not encrypted

    /// This connection with what a text changes: "params=tcp://HOST:5556;subject=ada;keys=FILE"; blanks around words
    /// do not count. SettingsError where a word is not known.
    Connection With(const std::string& text) const;

    /// Errors as of `ClientKeys::Load`.
    std::optional<ClientKeys> Keys() const;

    /// For a receiver at one of the endpoints. Errors as of `Keys`.
    ReceiverSettings SettingsFor(const std::string& endpoint, const std::string& format, Order order) const;
};

}  // namespace omote
