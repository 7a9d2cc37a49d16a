#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace omote {

/// Bytes that somebody else owns.
struct Bytes {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;

    Bytes() = default;
    Bytes(const void* start, std::size_t count) : data(static_cast<const std::uint8_t*>(start)), size(count) {}
    explicit Bytes(std::string_view text) : Bytes(text.data(), text.size()) {}

    std::string_view Text() const { return {reinterpret_cast<const char*>(data), size}; }
};

}  // namespace omote
