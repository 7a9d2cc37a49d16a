#pragma once

#include <string>

#include <msgpack.hpp>

/// A msgpack map of these keys and values: `Packed("v", 1, "name", "ada")`.
template <class... Entries>
std::string Packed(const Entries&... entries) {
    msgpack::sbuffer buffer;
    msgpack::packer<msgpack::sbuffer> packer(buffer);
    packer.pack_map(sizeof...(entries) / 2);
    (packer.pack(entries), ...);
    return {buffer.data(), buffer.size()};
}
