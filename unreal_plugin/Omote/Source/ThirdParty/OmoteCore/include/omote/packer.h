#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace omote {

/// Appends msgpack to a text.
class Packer {
public:
    explicit Packer(std::string& into) : into_(into) {}

    Packer& Null();
    Packer& Bool(bool value);
    Packer& Uint(std::uint64_t value);
    Packer& Int(std::int64_t value);
    Packer& Float(double value);  // always as a float64
    Packer& Text(std::string_view value);
    Packer& List(std::size_t count);  // its items follow
    Packer& Map(std::size_t count);   // its keys and values follow

private:
    void Head(std::uint8_t code, std::uint64_t value, int bytes);
    void Counted(std::size_t count, std::uint8_t fixed, std::size_t mostFixed, std::uint8_t code16);

    std::string& into_;
};

}  // namespace omote
