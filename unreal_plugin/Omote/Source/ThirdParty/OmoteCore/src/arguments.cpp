#include "omote/arguments.h"

#include <cstring>

#include <msgpack.hpp>

namespace omote {

namespace {

// Where msgpack packs to: the end of a string.
struct StringEnd {
    std::string& text;
    void write(const char* bytes, std::size_t count) { text.append(bytes, count); }
};

using Packer = msgpack::packer<StringEnd>;

std::uint32_t SizeOf(std::size_t count) { return static_cast<std::uint32_t>(count); }

StringEnd BeginEntry(std::string& packed, std::uint32_t& count, std::string_view name) {
    StringEnd end{packed};
    Packer(end).pack(name);
    ++count;
    return end;
}

// msgpack-cxx would send 1.0 as an integer.
void AppendFloat(std::string& text, double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    text += static_cast<char>(0xCB);
    for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(bits >> shift);
}

}  // namespace

Arguments& Arguments::Text(std::string_view name, std::string_view value) {
    StringEnd end = BeginEntry(packed_, count_, name);
    Packer(end).pack(value);
    return *this;
}

Arguments& Arguments::Number(std::string_view name, double value) {
    BeginEntry(packed_, count_, name);
    AppendFloat(packed_, value);
    return *this;
}

Arguments& Arguments::Null(std::string_view name) {
    StringEnd end = BeginEntry(packed_, count_, name);
    Packer(end).pack_nil();
    return *this;
}

Arguments& Arguments::Numbers(std::string_view name, const std::vector<double>& values) {
    StringEnd end = BeginEntry(packed_, count_, name);
    Packer(end).pack_array(SizeOf(values.size()));
    for (const double value : values) AppendFloat(packed_, value);
    return *this;
}

Arguments& Arguments::Texts(std::string_view name, const std::vector<std::string>& values) {
    StringEnd end = BeginEntry(packed_, count_, name);
    Packer(end).pack(values);
    return *this;
}

Arguments& Arguments::Weights(std::string_view name, const std::vector<std::pair<std::string, double>>& values) {
    StringEnd end = BeginEntry(packed_, count_, name);
    Packer(end).pack_map(SizeOf(values.size()));
    for (const auto& [key, value] : values) {
        Packer(end).pack(key);
        AppendFloat(packed_, value);
    }
    return *this;
}

}  // namespace omote
