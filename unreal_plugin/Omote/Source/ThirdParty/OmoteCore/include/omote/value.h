#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "omote/bytes.h"

namespace omote {

/// A view of one msgpack value. It holds as long as its `Document`, and the bytes that this was read from.
class Value {
public:
    bool IsNil() const;
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
    std::string_view Text(const char* key) const;
    std::vector<std::string> Texts(const char* key) const;
    Value Map(const char* key) const;

    /// The value as JSON, for people.
    std::string ToJson() const;

private:
    friend class Document;
    explicit Value(const void* object) : object_(object) {}
    std::string Found(const char* key) const;

    const void* object_;  // a msgpack::object; msgpack's headers stay in value.cpp
};

/// Reads one msgpack map within the wire's bounds, and keeps what it took to do so for the next.
class Document {
public:
    Document();
    ~Document();
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;

    /// The map in these bytes; WireError, which says `what` they should have been, where they are none.
    Value Read(Bytes bytes, const char* what);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace omote
