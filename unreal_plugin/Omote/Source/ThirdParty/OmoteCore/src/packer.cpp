#include "omote/packer.h"

#include <cstring>

namespace omote {

void Packer::Head(std::uint8_t code, std::uint64_t value, int bytes) {
    into_ += static_cast<char>(code);
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) into_ += static_cast<char>(value >> shift);
}

Packer& Packer::Null() {
    into_ += static_cast<char>(0xC0);
    return *this;
}

Packer& Packer::Bool(bool value) {
    into_ += static_cast<char>(value ? 0xC3 : 0xC2);
    return *this;
}

Packer& Packer::Uint(std::uint64_t value) {
    if (value < 0x80) into_ += static_cast<char>(value);
    else if (value <= 0xFF) Head(0xCC, value, 1);
    else if (value <= 0xFFFF) Head(0xCD, value, 2);
    else if (value <= 0xFFFFFFFF) Head(0xCE, value, 4);
    else Head(0xCF, value, 8);
    return *this;
}

Packer& Packer::Int(std::int64_t value) {
    if (value >= 0) return Uint(static_cast<std::uint64_t>(value));
    Head(0xD3, static_cast<std::uint64_t>(value), 8);
    return *this;
}

Packer& Packer::Float(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    Head(0xCB, bits, 8);
    return *this;
}

Packer& Packer::Text(std::string_view value) {
    if (value.size() < 32) into_ += static_cast<char>(0xA0 | value.size());
    else if (value.size() <= 0xFF) Head(0xD9, value.size(), 1);
    else if (value.size() <= 0xFFFF) Head(0xDA, value.size(), 2);
    else Head(0xDB, value.size(), 4);
    into_.append(value);
    return *this;
}

Packer& Packer::List(std::size_t count) {
    Counted(count, 0x90, 15, 0xDC);
    return *this;
}

Packer& Packer::Map(std::size_t count) {
    Counted(count, 0x80, 15, 0xDE);
    return *this;
}

void Packer::Counted(std::size_t count, std::uint8_t fixed, std::size_t mostFixed, std::uint8_t code16) {
    if (count <= mostFixed) into_ += static_cast<char>(fixed | count);
    else if (count <= 0xFFFF) Head(code16, count, 2);
    else Head(static_cast<std::uint8_t>(code16 + 1), count, 4);
}

}  // namespace omote
