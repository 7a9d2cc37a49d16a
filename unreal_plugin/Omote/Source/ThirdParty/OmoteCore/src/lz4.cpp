#include "omote/lz4.h"

#include <cstring>
#include <string>

#include "omote/error.h"

namespace omote {

namespace {

constexpr std::size_t ShortestMatch = 4;

class Lz4Block {
public:
    Lz4Block(Bytes block, std::uint8_t* out, std::size_t size) : block_(block), out_(out), size_(size) {}

    void Unpack() {
        while (true) {
            const unsigned token = Byte();
            CopyLiterals(Length(token >> 4));
            if (read_ == block_.size) break;  // the last sequence has no match
            const std::size_t distance = Distance();
            CopyMatch(distance, Length(token & 15u) + ShortestMatch);
        }
        if (written_ != size_) Refuse("ends after " + std::to_string(written_));
    }

private:
    unsigned Byte() {
        if (read_ == block_.size) Refuse("breaks off after " + std::to_string(written_));
        return block_.data[read_++];
    }

    // A nibble of 15 goes on in further bytes, up to the first that is not 255.
    std::size_t Length(unsigned nibble) {
        std::size_t length = nibble;
        for (unsigned more = nibble == 15 ? 255 : 0; more == 255;) {
            more = Byte();
            length += more;
        }
        return length;
    }

    std::size_t Distance() {
        const unsigned low = Byte();
        return low | Byte() << 8;
    }

    void CopyLiterals(std::size_t length) {
        if (length > block_.size - read_) Refuse("breaks off in its literals after " + std::to_string(written_));
        RequireRoom(length);
        if (length) std::memcpy(out_ + written_, block_.data + read_, length);
        read_ += length;
        written_ += length;
    }

    void CopyMatch(std::size_t distance, std::size_t length) {
        const bool isThere = distance > 0 && distance <= written_;
        if (!isThere) Refuse("refers to what is not there, after " + std::to_string(written_));
        RequireRoom(length);
        const std::uint8_t* from = out_ + written_ - distance;
        // Byte by byte: a match may overlap what it writes, which repeats it.
        for (std::size_t index = 0; index < length; ++index) out_[written_ + index] = from[index];
        written_ += length;
    }

    void RequireRoom(std::size_t length) {
        if (length > size_ - written_) Refuse("holds more");
    }

    [[noreturn]] void Refuse(const std::string& found) {
        throw WireError("the alpha, an LZ4 block, must give " + std::to_string(size_) + " bytes, it " + found);
    }

    Bytes block_;
    std::uint8_t* out_;
    std::size_t size_;
    std::size_t read_ = 0;
    std::size_t written_ = 0;
};

}  // namespace

void UnpackLz4(Bytes block, std::uint8_t* out, std::size_t size) { Lz4Block(block, out, size).Unpack(); }

}  // namespace omote
