#include "omote/value.h"

#include <cmath>
#include <sstream>

#include <msgpack.hpp>

#include "omote/error.h"
#include "omote/utf8.h"

namespace omote {

namespace {

const msgpack::object& ObjectOf(const void* object) { return *static_cast<const msgpack::object*>(object); }

std::string_view TextOf(const msgpack::object& object) { return {object.via.str.ptr, object.via.str.size}; }

msgpack::unpack_limit WireBounds() {
    const std::size_t list = 256, map = 64, text = 256, binary = 256, extension = 16, depth = 8;
    return {list, map, text, binary, extension, depth};
}

// Texts stay where they are: in the message, which outlives what is read from it.
bool PointIntoMessage(msgpack::type::object_type, std::size_t, void*) { return true; }

// msgpack itself asks neither that texts are UTF-8 nor that keys are texts. It bounds how deep this goes.
void RequireTexts(const msgpack::object& object, const char* what) {
    if (object.type == msgpack::type::STR && !IsUtf8(TextOf(object))) {
        throw WireError(std::string("a text of the ") + what + " is not UTF-8");
    }
    if (object.type == msgpack::type::ARRAY) {
        for (std::uint32_t at = 0; at < object.via.array.size; ++at) RequireTexts(object.via.array.ptr[at], what);
    }
    if (object.type != msgpack::type::MAP) return;
    for (std::uint32_t at = 0; at < object.via.map.size; ++at) {
        const auto& entry = object.via.map.ptr[at];
        const bool isText = entry.key.type == msgpack::type::STR;
        if (!isText) throw WireError(std::string("the keys of the ") + what + " must be texts");
        RequireTexts(entry.key, what);
        RequireTexts(entry.val, what);
    }
}

}  // namespace

bool Value::IsNil() const { return ObjectOf(object_).type == msgpack::type::NIL; }
bool Value::IsMap() const { return ObjectOf(object_).type == msgpack::type::MAP; }
bool Value::IsList() const { return ObjectOf(object_).type == msgpack::type::ARRAY; }

std::optional<std::uint64_t> Value::AsUint() const {
    const auto& object = ObjectOf(object_);
    if (object.type != msgpack::type::POSITIVE_INTEGER) return std::nullopt;
    return object.via.u64;
}

std::optional<std::string_view> Value::AsText() const {
    const auto& object = ObjectOf(object_);
    if (object.type != msgpack::type::STR) return std::nullopt;
    return TextOf(object);
}

std::size_t Value::Count() const {
    const auto& object = ObjectOf(object_);
    if (IsMap()) return object.via.map.size;
    return IsList() ? object.via.array.size : 0;
}

Value Value::At(std::size_t index) const { return Value(&ObjectOf(object_).via.array.ptr[index]); }

std::optional<Value> Value::Find(std::string_view key) const {
    const auto& map = ObjectOf(object_).via.map;
    // From the end: of two entries with one key the later counts, as in Python.
    for (std::uint32_t left = IsMap() ? map.size : 0; left > 0; --left) {
        const auto& entry = map.ptr[left - 1];
        if (entry.key.type == msgpack::type::STR && TextOf(entry.key) == key) return Value(&entry.val);
    }
    return std::nullopt;
}

std::uint64_t Value::Uint(const char* key, std::uint64_t most) const {
    const auto found = Find(key);
    const auto number = found ? found->AsUint() : std::nullopt;
    if (number && *number <= most) return *number;
    throw WireError("'" + std::string(key) + "' must be a whole number from 0 to " + std::to_string(most) + ", got " +
                    Found(key));
}

double Value::Number(const char* key) const {
    const auto found = Find(key);
    if (found) {
        const auto& object = ObjectOf(found->object_);
        if (object.type == msgpack::type::POSITIVE_INTEGER) return static_cast<double>(object.via.u64);
        if (object.type == msgpack::type::NEGATIVE_INTEGER) return static_cast<double>(object.via.i64);
        const bool isFloat = object.type == msgpack::type::FLOAT32 || object.type == msgpack::type::FLOAT64;
        if (isFloat && std::isfinite(object.via.f64)) return object.via.f64;
    }
    throw WireError("'" + std::string(key) + "' must be a finite number, got " + Found(key));
}

std::string_view Value::Text(const char* key) const {
    const auto found = Find(key);
    if (const auto text = found ? found->AsText() : std::nullopt) return *text;
    throw WireError("'" + std::string(key) + "' must be a text, got " + Found(key));
}

std::vector<std::string> Value::Texts(const char* key) const {
    const auto found = Find(key);
    if (!found || !found->IsList()) throw WireError("'" + std::string(key) + "' must be a list, got " + Found(key));
    std::vector<std::string> texts;
    for (std::size_t index = 0; index < found->Count(); ++index) {
        const auto text = found->At(index).AsText();
        if (!text) throw WireError("'" + std::string(key) + "' must list texts, got " + Found(key));
        texts.emplace_back(*text);
    }
    return texts;
}

Value Value::Map(const char* key) const {
    const auto found = Find(key);
    if (found && found->IsMap()) return *found;
    throw WireError("'" + std::string(key) + "' must be a map, got " + Found(key));
}

std::string Value::ToJson() const {
    std::ostringstream text;
    text << ObjectOf(object_);
    return text.str();
}

std::string Value::Found(const char* key) const {
    const auto found = Find(key);
    return found ? found->ToJson().substr(0, 80) : "nothing";
}

struct Document::State {
    msgpack::zone zone;
    msgpack::object root;
};

Document::Document() : state_(std::make_unique<State>()) {}
Document::~Document() = default;

Value Document::Read(Bytes bytes, const char* what) {
    state_->zone.clear();
    std::size_t read = 0;
    try {
        const auto* start = reinterpret_cast<const char*>(bytes.data);
        state_->root = msgpack::unpack(state_->zone, start, bytes.size, read, PointIntoMessage, nullptr, WireBounds());
    } catch (const msgpack::depth_size_overflow&) {
        throw WireError(std::string("the ") + what + " is nested more than 8 deep");
    } catch (const msgpack::unpack_error& error) {
        throw WireError(std::string("the ") + what + " is not msgpack within its bounds: " + error.what());
    }
    const Value root(&state_->root);
    if (!root.IsMap()) throw WireError(std::string("the ") + what + " must be a map");
    if (read != bytes.size) throw WireError(std::string("bytes follow the end of the ") + what);
    RequireTexts(state_->root, what);
    return root;
}

}  // namespace omote
