#include "omote/incoming.h"

#include <algorithm>

#include <zmq.hpp>

#include "omote/clock.h"

namespace omote {

struct Incoming::Messages {
    std::array<zmq::message_t, MaxParts + 1> parts;
};

Incoming::Incoming() : messages_(std::make_unique<Messages>()) {}
Incoming::~Incoming() = default;

bool Incoming::ReadFrom(zmq::socket_t& socket) {
    envelope_.reset();
    count_ = 0;
    for (bool hasMore = true; hasMore;) {
        // Parts beyond what the wire allows fall on the last place; that there is one gets the message refused.
        const std::size_t place = std::min(count_++, MaxParts);
        zmq::message_t& part = messages_->parts[place];
        if (!socket.recv(part, zmq::recv_flags::dontwait)) return false;
        parts_[place] = {part.data(), part.size()};
        hasMore = part.more();
    }
    arrivedNs_ = MonotonicNs();
    return true;
}

const Envelope& Incoming::Open() { return envelope_.emplace(ReadEnvelope(parts_.data(), count_, document_)); }

}  // namespace omote
