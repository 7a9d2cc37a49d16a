#include "omote/utf8.h"

#include <algorithm>

namespace omote {

namespace {

bool IsWithin(char letter, unsigned lowest, unsigned highest) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte >= lowest && byte <= highest;
}

// How many bytes of a sequence follow its first; 4 where it begins none.
std::size_t FollowersOf(char first) {
    if (IsWithin(first, 0x00, 0x7F)) return 0;
    if (IsWithin(first, 0xC2, 0xDF)) return 1;
    if (IsWithin(first, 0xE0, 0xEF)) return 2;
    return IsWithin(first, 0xF0, 0xF4) ? 3 : 4;
}

// After these four the second byte has a narrower range than the others.
bool IsSecond(char first, char second) {
    switch (static_cast<unsigned char>(first)) {
        case 0xE0: return IsWithin(second, 0xA0, 0xBF);
        case 0xED: return IsWithin(second, 0x80, 0x9F);
        case 0xF0: return IsWithin(second, 0x90, 0xBF);
        case 0xF4: return IsWithin(second, 0x80, 0x8F);
        default: return IsWithin(second, 0x80, 0xBF);
    }
}

bool IsFollower(char letter) { return IsWithin(letter, 0x80, 0xBF); }

}  // namespace

bool IsUtf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t followers = FollowersOf(text[at]);
        if (followers > 3 || followers > text.size() - at - 1) return false;
        if (followers > 0 && !IsSecond(text[at], text[at + 1])) return false;
        for (std::size_t next = 2; next <= followers; ++next) {
            if (!IsFollower(text[at + next])) return false;
        }
        at += followers + 1;
    }
    return true;
}

std::size_t CountLetters(std::string_view text) {
    const auto followers = std::count_if(text.begin(), text.end(), IsFollower);
    return text.size() - static_cast<std::size_t>(followers);
}

}  // namespace omote
