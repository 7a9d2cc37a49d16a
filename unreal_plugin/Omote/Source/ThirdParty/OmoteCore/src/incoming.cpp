#include "omote/incoming.h"

#include <algorithm>

#include "omote/clock.h"
#include "omote/error.h"

namespace omote {

bool Incoming::ReadFrom(Socket& socket, std::chrono::milliseconds patience) {
    if (!socket.Receive(message_, patience)) return false;
    arrivedNs_ = MonotonicNs();
    return true;
}

const Envelope& Incoming::Open() {
    Bytes parts[MessageBuffer::Places];
    const std::size_t count = std::min(message_.Count(), MessageBuffer::Places);
    for (std::size_t at = 0; at < count; ++at) {
        parts[at] = message_.Part(at);
        if (parts[at].data || parts[at].size == 0) continue;
        throw WireError("topic and header have at most 4096 bytes, got " + std::to_string(parts[at].size));
    }
    envelope_ = ReadEnvelope(parts, message_.Count(), document_);
    return *envelope_;
}

}  // namespace omote
