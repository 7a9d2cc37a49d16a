#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "omote/bytes.h"

namespace omote {

/// The parts of one message. Its buffers grow to the largest message there was and are used again. Of parts that exceed
/// the limit of their place, and of those after the last place, only the number is kept.
class MessageBuffer {
public:
    static constexpr std::size_t Places = 4;

    /// One limit in bytes for each place.
    explicit MessageBuffer(std::initializer_list<std::size_t> limits);

    void Clear() { count_ = 0; }

    /// How many parts there are, kept or not.
    std::size_t Count() const { return count_; }

    /// A part by its place. Of one that is not kept the length is right, and nothing may be read.
    Bytes Part(std::size_t index) const;

    // For whoever fills it: a part begins, and its bytes come piece by piece.
    void BeginPart(std::uint64_t length);
    std::uint8_t* Room(std::size_t wanted);  // for the next bytes of the part; null where it is not kept
    void Filled(std::size_t count) { filled_ += count; }

private:
    struct Buffer {
        std::vector<std::uint8_t> bytes;
        std::uint64_t length = 0;
        std::size_t limit = 0;
    };

    bool IsKept() const;

    std::array<Buffer, Places> buffers_;
    std::size_t places_ = 0;
    std::size_t count_ = 0;
    std::size_t filled_ = 0;  // bytes of the last part
};

}  // namespace omote
