#pragma once

#include "omote/bytes.h"

namespace omote {

/// Unpacks an LZ4 block into exactly `size` bytes at `out`; WireError where it gives fewer or more, or is broken.
/// The format: github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
void UnpackLz4(Bytes block, std::uint8_t* out, std::size_t size);

}  // namespace omote
