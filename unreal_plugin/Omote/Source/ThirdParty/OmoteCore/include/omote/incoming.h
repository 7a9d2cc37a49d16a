#pragma once

#include <chrono>
#include <optional>

#include "omote/envelope.h"
#include "omote/socket.h"

namespace omote {

/// One message as it came, with what its topic and header say.
class Incoming {
public:
    Incoming() = default;
    Incoming(const Incoming&) = delete;
    Incoming& operator=(const Incoming&) = delete;

    /// Takes the next message from the socket, in place of the one before; false where none comes in this time. To be
    /// called again for the same socket until it is true.
    bool ReadFrom(Socket& socket, std::chrono::milliseconds patience);

    /// Reads topic and header; WireError where they break a rule of the wire.
    const Envelope& Open();

    const Envelope& Opened() const { return *envelope_; }
    std::uint64_t ArrivedNs() const { return arrivedNs_; }

private:
    MessageBuffer message_{MaxHeaderBytes, MaxHeaderBytes, MaxPayloadBytes, MaxPayloadBytes};
    Document document_;
    std::optional<Envelope> envelope_;
    std::uint64_t arrivedNs_ = 0;
};

}  // namespace omote
