#pragma once

#include <array>
#include <memory>
#include <optional>

#include "omote/envelope.h"

namespace zmq {
class socket_t;
}

namespace omote {

/// One message as it lies in ZeroMQ's memory, with what its topic and header say. Nothing of it is copied.
class Incoming {
public:
    Incoming();
    ~Incoming();
    Incoming(const Incoming&) = delete;
    Incoming& operator=(const Incoming&) = delete;

    /// Takes the next message from the socket, in place of the one before; false where none waits.
    bool ReadFrom(zmq::socket_t& socket);

    /// Reads topic and header; WireError where they break a rule of the wire.
    const Envelope& Open();

    const Envelope& Opened() const { return *envelope_; }
    std::uint64_t ArrivedNs() const { return arrivedNs_; }

private:
    struct Messages;

    std::unique_ptr<Messages> messages_;
    std::array<Bytes, MaxParts + 1> parts_;
    std::size_t count_ = 0;
    Document document_;
    std::optional<Envelope> envelope_;
    std::uint64_t arrivedNs_ = 0;
};

}  // namespace omote
