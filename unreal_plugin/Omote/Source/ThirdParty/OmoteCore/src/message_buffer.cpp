#include "omote/message_buffer.h"

#include <algorithm>

namespace omote {

MessageBuffer::MessageBuffer(std::initializer_list<std::size_t> limits) {
    for (const std::size_t limit : limits) buffers_[places_++].limit = limit;
}

bool MessageBuffer::IsKept() const {
    return count_ <= places_ && buffers_[count_ - 1].length <= buffers_[count_ - 1].limit;
}

Bytes MessageBuffer::Part(std::size_t index) const {
    const Buffer& buffer = buffers_[index];
    const bool isKept = buffer.length <= buffer.limit;
    return {isKept ? buffer.bytes.data() : nullptr, static_cast<std::size_t>(buffer.length)};
}

void MessageBuffer::BeginPart(std::uint64_t length) {
    if (count_ < places_) buffers_[count_].length = length;
    ++count_;
    filled_ = 0;
}

// It grows as bytes come, not as they are announced: a length alone must not take memory.
std::uint8_t* MessageBuffer::Room(std::size_t wanted) {
    if (!IsKept()) return nullptr;
    std::vector<std::uint8_t>& bytes = buffers_[count_ - 1].bytes;
    if (filled_ + wanted > bytes.size()) {
        bytes.resize(std::max(filled_ + wanted, std::min(2 * bytes.size(), buffers_[count_ - 1].limit)));
    }
    return bytes.data() + filled_;
}

}  // namespace omote
