#include "omote/format.h"

#include "omote/error.h"

namespace omote {

namespace {

constexpr const char* PixelsWords[] = {"rgba8", "bgra8", "jpeg", "jpeg+lz4a"};
constexpr const char* AlphaWords[] = {"straight", "premultiplied", "opaque"};

template <class Word, std::size_t Count>
Word WordOf(const char* const (&words)[Count], const char* key, std::string_view said) {
    std::string known;
    for (std::size_t index = 0; index < Count; ++index) {
        if (said == words[index]) return static_cast<Word>(index);
        known += (index ? ", " : "") + std::string(words[index]);
    }
    throw WireError(std::string(key) + " '" + std::string(said.substr(0, 80)) + "' is not known here, only " + known);
}

bool TakeEnd(std::string_view& name, std::string_view end) {
    if (name.size() < end.size() || name.substr(name.size() - end.size()) != end) return false;
    name.remove_suffix(end.size());
    return true;
}

}  // namespace

const char* PixelsWord(Pixels pixels) { return PixelsWords[static_cast<int>(pixels)]; }
Pixels PixelsOf(std::string_view word) { return WordOf<Pixels>(PixelsWords, "fmt", word); }
const char* AlphaWord(Alpha alpha) { return AlphaWords[static_cast<int>(alpha)]; }
Alpha AlphaOf(std::string_view word) { return WordOf<Alpha>(AlphaWords, "alpha", word); }

Format Format::Parse(std::string_view name) {
    Format format;
    std::string_view left = name;
    format.isBottomUp = TakeEnd(left, ".bottom");
    if (TakeEnd(left, ".premultiplied")) format.alpha = Alpha::Premultiplied;
    try {
        format.pixels = PixelsOf(left);
    } catch (const WireError& error) {
        throw SettingsError("'" + std::string(name) + "' is no format: " + error.what());
    }
    if (format.pixels != Pixels::Jpeg) return format;
    if (format.alpha == Alpha::Premultiplied) throw SettingsError("a picture in jpeg has no alpha; take jpeg+lz4a");
    format.alpha = Alpha::Opaque;
    return format;
}

std::string Format::Name() const {
    std::string name = PixelsWord(pixels);
    if (alpha == Alpha::Premultiplied) name += ".premultiplied";
    if (isBottomUp) name += ".bottom";
    return name;
}

}  // namespace omote
