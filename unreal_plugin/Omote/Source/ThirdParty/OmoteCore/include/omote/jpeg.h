#pragma once

#include <functional>

#include "omote/bytes.h"

namespace omote {

/// The order of the four bytes of a pixel that a receiver is given.
enum class Order { Rgba, Bgra };

/// Decodes a JPEG of `width` x `height` to tight rows of 4 bytes a pixel at `out`; false where it cannot.
/// The alpha that it writes does not count. It is called on the receiver's thread.
using JpegDecoder = std::function<bool(Bytes jpeg, int width, int height, Order order, std::uint8_t* out)>;

/// WireError unless this is a whole JPEG of this size, baseline, with three channels and one scan. Decodes nothing:
/// a few bytes may claim 65535x65535 pixels, or ten thousand passes over them.
void RequireJpeg(Bytes jpeg, std::size_t width, std::size_t height);

}  // namespace omote
