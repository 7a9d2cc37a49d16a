#pragma once

#include <cstddef>
#include <string_view>

namespace omote {

/// Whether these bytes are UTF-8 as the Unicode standard has it (table 3-7): none cut short, none longer than it has to
/// be, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

/// How many code points a text in UTF-8 has.
std::size_t CountLetters(std::string_view text);

}  // namespace omote
