#include "omote/jpeg.h"

#include <string>

#include "omote/error.h"

namespace omote {

namespace {

// Second bytes of markers, ITU-T T.81, table B.1.
constexpr unsigned Baseline = 0xC0, Extended = 0xC1, LastFrame = 0xCF;
constexpr unsigned HuffmanTable = 0xC4, Reserved = 0xC8, ArithmeticTable = 0xCC;
constexpr unsigned Start = 0xD8, End = 0xD9, Scan = 0xDA, Fill = 0xFF;

unsigned BigEndian16(const std::uint8_t* at) { return static_cast<unsigned>(at[0]) << 8 | at[1]; }

bool IsFrame(unsigned marker) {
    const bool isOther = marker == HuffmanTable || marker == Reserved || marker == ArithmeticTable;
    return marker >= Baseline && marker <= LastFrame && !isOther;
}

// In a JPEG's own data 0xFF is always followed by something else than one of these markers.
std::size_t CountOf(Bytes jpeg, char marker) {
    const char wanted[] = {static_cast<char>(0xFF), marker};
    const std::string_view text = jpeg.Text();
    std::size_t count = 0;
    for (auto at = text.find(wanted, 0, 2); at != std::string_view::npos; at = text.find(wanted, at + 2, 2)) ++count;
    return count;
}

// The content of the frame header; segments of a marker, a length and content stand before it.
Bytes FindFrame(Bytes jpeg) {
    std::size_t at = 2;
    while (jpeg.size - at >= 4 && jpeg.data[at] == 0xFF) {
        const unsigned marker = jpeg.data[at + 1];
        const std::size_t length = BigEndian16(jpeg.data + at + 2);
        if (marker == Fill) {
            ++at;
            continue;
        }
        if (length < 2 || length > jpeg.size - at - 2) break;
        if (IsFrame(marker) && marker != Baseline && marker != Extended) {
            throw WireError("the jpeg must be baseline, with one scan");
        }
        if (IsFrame(marker) && length >= 8) return {jpeg.data + at + 4, length - 2};
        at += 2 + length;
    }
    throw WireError("the jpeg of " + std::to_string(jpeg.size) + " bytes does not say its size");
}

}  // namespace

void RequireJpeg(Bytes jpeg, std::size_t width, std::size_t height) {
    if (jpeg.size < 4 || BigEndian16(jpeg.data) != (0xFF00 | Start)) throw WireError("the payload is no jpeg");
    const Bytes frame = FindFrame(jpeg);  // precision, height, width, channels, ...
    const unsigned ownHeight = BigEndian16(frame.data + 1), ownWidth = BigEndian16(frame.data + 3);
    if (ownWidth != width || ownHeight != height) {
        throw WireError("the jpeg is " + std::to_string(ownWidth) + "x" + std::to_string(ownHeight) +
                        ", and its header says " + std::to_string(width) + "x" + std::to_string(height));
    }
    if (frame.data[5] != 3) throw WireError("the jpeg must have three channels, got " + std::to_string(frame.data[5]));
    if (CountOf(jpeg, static_cast<char>(Scan)) != 1) throw WireError("the jpeg must be baseline, with one scan");
    // Decoders fill what is missing of a truncated picture with grey, and call that a warning.
    if (CountOf(jpeg, static_cast<char>(End)) == 0) throw WireError("the jpeg breaks off before its end");
}

}  // namespace omote
