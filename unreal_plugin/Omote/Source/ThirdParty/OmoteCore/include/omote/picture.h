#pragma once

#include <vector>

#include "omote/envelope.h"
#include "omote/format.h"
#include "omote/jpeg.h"

namespace omote {

constexpr int MaxSide = 8192;

/// A decoded picture: sRGB, 8 bits, first row on top, rows without gaps.
struct Picture {
    Header header;
    std::uint64_t arrivedNs = 0;  // our monotonic clock
    int width = 0;
    int height = 0;
    Order order = Order::Rgba;
    Alpha alpha = Alpha::Straight;  // as it was sent; Opaque has 255 everywhere
    std::vector<std::uint8_t> pixels;  // height * width * 4
};

/// WireError where a `v` message breaks a rule of the wire. Looks at its header and lengths; decodes nothing.
void RequirePicture(const Envelope& envelope);

/// Decodes the pictures in `v` messages to one order of bytes. For one thread.
class PictureDecoder {
public:
    /// Without a JPEG decoder, pictures in JPEG are refused.
    explicit PictureDecoder(Order order, JpegDecoder jpeg = {});

    /// The picture, in a buffer that is used again; WireError where it breaks a rule of the wire.
    void Decode(const Envelope& envelope, Picture& into);

private:
    friend void RequirePicture(const Envelope& envelope);
    struct Layout;
    void DecodeJpeg(const Layout& layout, const Envelope& envelope, Picture& into);
    void SetAlpha(const Layout& layout, Bytes block, std::vector<std::uint8_t>& pixels);

    Order order_;
    JpegDecoder jpeg_;
    std::vector<std::uint8_t> plane_;  // the alpha of a picture, kept for the next
};

}  // namespace omote
