#pragma once

#include <string>
#include <string_view>

namespace omote {

enum class Pixels { Rgba8, Bgra8, Jpeg, JpegLz4Alpha };
enum class Alpha { Straight, Premultiplied, Opaque };

/// How a picture lies on the wire. One is chosen by subscribing to the topic with its name.
struct Format {
    Pixels pixels = Pixels::Rgba8;
    Alpha alpha = Alpha::Straight;
    bool isBottomUp = false;

    /// From a name such as "bgra8" or "jpeg+lz4a.premultiplied.bottom"; SettingsError where it is none.
    static Format Parse(std::string_view name);
    std::string Name() const;
};

/// The word of the wire for these pixels, and back; WireError where the word is not known.
const char* PixelsWord(Pixels pixels);
Pixels PixelsOf(std::string_view word);
/// The word of the wire, and back; WireError where the word is not known.
const char* AlphaWord(Alpha alpha);
Alpha AlphaOf(std::string_view word);

}  // namespace omote
