#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "omote/bytes.h"

namespace omote {

struct MsgpackNode;

/// A view of one msgpack value. It holds as long as its `Document`, and the bytes that this was read from.
class Value {
public:
    bool IsNull() const;
    bool IsMap() const;
    bool IsList() const;
    std::optional<std::uint64_t> AsUint() const;
    std::optional<std::string_view> AsText() const;

    std::size_t Count() const;           // entries of a map, items of a list, else 0
    Value At(std::size_t index) const;   // of a list; index < Count()
    std::optional<Value> Find(std::string_view key) const;  // of a map

    // An entry of a map. WireError, which names the key, where it is missing or another kind of thing.
    std::uint64_t Uint(const char* key, std::uint64_t most = UINT64_MAX) const;
    double Number(const char* key) const;
    bool Bool(const char* key) const;
    std::string_view Text(const char* key) const;
    std::vector<std::string> Texts(const char* key) const;
    Value Map(const char* key) const;

    /// The value as JSON, for people.
    std::string ToJson() const;

private:
    friend class Document;
    explicit Value(const MsgpackNode* node) : node_(node) {}
    std::string Found(const char* key) const;
    void AppendJson(std::string& text) const;

    const MsgpackNode* node_;
};

enum class MsgpackKind : std::uint8_t { Null, Bool, Uint, Int, Float, Text, Binary, List, Map, Extension };

/// One value in the order in which it was read: those in a list or map follow it.
struct MsgpackNode {
    MsgpackKind kind = MsgpackKind::Null;
    std::uint32_t count = 0;  // entries of a map, items of a list
    std::uint32_t span = 1;   // nodes with all that is in it
    std::uint64_t bits = 0;   // of a number, as its kind says
    std::string_view text;    // of texts and binaries
};

/// Reads one msgpack map within the wire's bounds, and keeps what it took to do so for the next.
class Document {
public:
    /// The map in these bytes; WireError, which says `what` they should have been, where they are none.
    Value Read(Bytes bytes, const char* what);

private:
    std::vector<MsgpackNode> nodes_;
};

}  // namespace omote
