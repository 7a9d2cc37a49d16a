#pragma once

#include <map>
#include <string>
#include <type_traits>

#include "omote/packer.h"

template <class Value>
void Pack(omote::Packer& packer, const Value& value) {
    if constexpr (std::is_same_v<Value, bool>) packer.Bool(value);
    else if constexpr (std::is_floating_point_v<Value>) packer.Float(value);
    else if constexpr (std::is_unsigned_v<Value>) packer.Uint(value);
    else if constexpr (std::is_integral_v<Value>) packer.Int(value);
    else packer.Text(value);
}

template <class Value>
void Pack(omote::Packer& packer, const std::map<std::string, Value>& entries) {
    packer.Map(entries.size());
    for (const auto& [key, value] : entries) {
        packer.Text(key);
        Pack(packer, value);
    }
}

/// A msgpack map of these keys and values: `Packed("v", 1, "name", "ada")`.
template <class... Entries>
std::string Packed(const Entries&... entries) {
    std::string packed;
    omote::Packer packer(packed);
    packer.Map(sizeof...(entries) / 2);
    (Pack(packer, entries), ...);
    return packed;
}
