#include "omote/picture.h"

#include <algorithm>
#include <cstring>

#include "omote/error.h"
#include "omote/lz4.h"

namespace omote {

// What a header says of its picture.
struct PictureDecoder::Layout {
    std::size_t width;
    std::size_t height;
    std::size_t stride;
    Format format;

    std::size_t RowBytes() const { return 4 * width; }
    bool IsRaw() const { return format.pixels == Pixels::Rgba8 || format.pixels == Pixels::Bgra8; }
    std::size_t PixelCount() const { return width * height; }
    std::string Size() const { return std::to_string(width) + "x" + std::to_string(height); }

    static Layout Read(const Envelope& envelope);
    void RequireAlpha() const;
    void RequireSize() const;
    void RequirePayload(const Envelope& envelope) const;
};

namespace {

bool IsBottomUp(const Value& fields) {
    const std::string_view origin = fields.Text("origin");
    if (origin != "top" && origin != "bottom") {
        throw WireError("origin '" + std::string(origin) + "' is not known here, only top, bottom");
    }
    return origin == "bottom";
}

void CopyRow(const std::uint8_t* from, std::uint8_t* into, std::size_t bytes, bool isSwapped) {
    if (!isSwapped) {
        std::memcpy(into, from, bytes);
        return;
    }
    for (std::size_t at = 0; at < bytes; at += 4) {
        into[at] = from[at + 2];
        into[at + 1] = from[at + 1];
        into[at + 2] = from[at];
        into[at + 3] = from[at + 3];
    }
}

void TurnOver(Picture& picture) {
    const std::size_t rowBytes = 4 * static_cast<std::size_t>(picture.width);
    const std::size_t height = static_cast<std::size_t>(picture.height);
    for (std::size_t row = 0; row < height / 2; ++row) {
        std::uint8_t* upper = picture.pixels.data() + row * rowBytes;
        std::swap_ranges(upper, upper + rowBytes, picture.pixels.data() + (height - 1 - row) * rowBytes);
    }
}

}  // namespace

PictureDecoder::Layout PictureDecoder::Layout::Read(const Envelope& envelope) {
    const Value& fields = envelope.fields;
    Layout layout{};
    layout.format.pixels = PixelsOf(fields.Text("fmt"));
    layout.format.alpha = AlphaOf(fields.Text("alpha"));
    layout.format.isBottomUp = IsBottomUp(fields);
    if (fields.Text("colour") != "srgb") {
        throw WireError("colour '" + std::string(fields.Text("colour")) + "' is not known here, only srgb");
    }
    layout.width = fields.Uint("w", MaxSide);
    layout.height = fields.Uint("h", MaxSide);
    layout.stride = fields.Uint("stride", MaxPayloadBytes);
    layout.RequireAlpha();
    layout.RequireSize();
    layout.RequirePayload(envelope);
    return layout;
}

void PictureDecoder::Layout::RequireAlpha() const {
    if ((format.alpha == Alpha::Opaque) == (format.pixels == Pixels::Jpeg)) return;
    throw WireError(std::string("the alpha of ") + PixelsWord(format.pixels) + " cannot be " + AlphaWord(format.alpha));
}

void PictureDecoder::Layout::RequireSize() const {
    if (!width || !height || 4 * PixelCount() > MaxPayloadBytes) {
        throw WireError("a picture has sides from 1 and at most 16777216 pixels, got " + Size());
    }
    if (IsRaw() ? stride >= 4 * width : stride == 0) return;
    throw WireError(std::string("the stride of ") + PixelsWord(format.pixels) + " is " +
                    (IsRaw() ? "at least 4 bytes a pixel" : "0") + ", got " + std::to_string(stride));
}

void PictureDecoder::Layout::RequirePayload(const Envelope& envelope) const {
    if (!IsRaw()) {
        RequireJpeg(envelope.payload, width, height);
        const bool wantsAlpha = format.pixels == Pixels::JpegLz4Alpha;
        if (wantsAlpha && !envelope.alpha.size) throw WireError("jpeg+lz4a has its alpha in a fourth part, got none");
        return;
    }
    if (envelope.payload.size == stride * height) return;
    throw WireError("a picture of " + Size() + " with rows of " + std::to_string(stride) + " bytes are " +
                    std::to_string(stride * height) + ", got " + std::to_string(envelope.payload.size));
}

void RequirePicture(const Envelope& envelope) { PictureDecoder::Layout::Read(envelope); }

PictureDecoder::PictureDecoder(Order order, JpegDecoder jpeg) : order_(order), jpeg_(std::move(jpeg)) {}

void PictureDecoder::Decode(const Envelope& envelope, Picture& into) {
    const Layout layout = Layout::Read(envelope);  // checks all, before a byte is allocated
    into.header = envelope.header;
    into.width = static_cast<int>(layout.width);
    into.height = static_cast<int>(layout.height);
    into.order = order_;
    into.alpha = layout.format.alpha;
    into.pixels.resize(layout.PixelCount() * 4);
    if (!layout.IsRaw()) {
        DecodeJpeg(layout, envelope, into);
        return;
    }
    const bool isSwapped = (layout.format.pixels == Pixels::Bgra8) != (order_ == Order::Bgra);
    for (std::size_t row = 0; row < layout.height; ++row) {
        const std::size_t target = layout.format.isBottomUp ? layout.height - 1 - row : row;
        std::uint8_t* out = into.pixels.data() + target * layout.RowBytes();
        CopyRow(envelope.payload.data + row * layout.stride, out, layout.RowBytes(), isSwapped);
    }
}

void PictureDecoder::DecodeJpeg(const Layout& layout, const Envelope& envelope, Picture& into) {
    if (!jpeg_) throw WireError("this receiver decodes no jpeg; subscribe to rgba8 or bgra8");
    if (!jpeg_(envelope.payload, into.width, into.height, order_, into.pixels.data())) {
        throw WireError("the jpeg of " + layout.Size() + " cannot be decoded");
    }
    SetAlpha(layout, envelope.alpha, into.pixels);
    if (layout.format.isBottomUp) TurnOver(into);
}

void PictureDecoder::SetAlpha(const Layout& layout, Bytes block, std::vector<std::uint8_t>& pixels) {
    if (layout.format.pixels == Pixels::Jpeg) {
        plane_.assign(layout.PixelCount(), 255);
    } else {
        plane_.resize(layout.PixelCount());
        UnpackLz4(block, plane_.data(), plane_.size());
    }
    for (std::size_t pixel = 0; pixel < plane_.size(); ++pixel) pixels[4 * pixel + 3] = plane_[pixel];
}

}  // namespace omote
