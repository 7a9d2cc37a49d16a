#include "omote/value.h"

#include <cmath>
#include <cstdio>
#include <cstring>

#include "omote/error.h"
#include "omote/utf8.h"

namespace omote {

namespace {

// The wire's bounds.
constexpr std::uint32_t MaxEntries = 64;
constexpr std::uint32_t MaxItems = 256;
constexpr std::uint32_t MaxTextBytes = 256;
constexpr int MaxDepth = 8;

double FloatOf(std::uint64_t bits) {
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

// Reads values into nodes. Each length is checked before it is used.
class Reader {
public:
    Reader(Bytes bytes, const char* what, std::vector<MsgpackNode>& nodes)
        : at_(bytes.data), end_(bytes.data + bytes.size), what_(what), nodes_(nodes) {}

    bool IsAtEnd() const { return at_ == end_; }

    void Read(int depth) {
        const std::uint8_t code = static_cast<std::uint8_t>(Big(1));
        if (code < 0x80) Number(MsgpackKind::Uint, code);
        else if (code < 0x90) Items(MsgpackKind::Map, code & 15u, depth);
        else if (code < 0xA0) Items(MsgpackKind::List, code & 15u, depth);
        else if (code < 0xC0) Text(MsgpackKind::Text, code & 31u);
        else if (code >= 0xE0) Number(MsgpackKind::Int, SignExtended(code, 1));
        else ReadLong(code, depth);
    }

private:
    // Those whose first byte says only how many bytes of length or value follow.
    void ReadLong(std::uint8_t code, int depth) {
        switch (code) {
            case 0xC0: Number(MsgpackKind::Null, 0); return;
            case 0xC2: case 0xC3: Number(MsgpackKind::Bool, code & 1u); return;
            case 0xC4: case 0xC5: case 0xC6: Text(MsgpackKind::Binary, Big(1 << (code - 0xC4))); return;
            case 0xC7: case 0xC8: case 0xC9: Extension(Big(1 << (code - 0xC7))); return;
            case 0xCA: Number(MsgpackKind::Float, WidenedFloat(Big(4))); return;
            case 0xCB: Number(MsgpackKind::Float, Big(8)); return;
            case 0xCC: case 0xCD: case 0xCE: case 0xCF: Number(MsgpackKind::Uint, Big(1 << (code - 0xCC))); return;
            case 0xD0: case 0xD1: case 0xD2: case 0xD3: Signed(1 << (code - 0xD0)); return;
            case 0xD4: case 0xD5: case 0xD6: case 0xD7: case 0xD8: Extension(1u << (code - 0xD4)); return;
            case 0xD9: case 0xDA: case 0xDB: Text(MsgpackKind::Text, Big(1 << (code - 0xD9))); return;
            case 0xDC: Items(MsgpackKind::List, Big(2), depth); return;
            case 0xDD: Items(MsgpackKind::List, Big(4), depth); return;
            case 0xDE: Items(MsgpackKind::Map, Big(2), depth); return;
            case 0xDF: Items(MsgpackKind::Map, Big(4), depth); return;
            default: Refuse("0xC1 begins no value");
        }
    }

    [[noreturn]] void Refuse(const std::string& why) const {
        throw WireError(std::string("the ") + what_ + " is not msgpack within its bounds: " + why);
    }

    void Need(std::uint64_t count) const {
        if (count > static_cast<std::uint64_t>(end_ - at_)) Refuse("it ends early");
    }

    std::uint64_t Big(int bytes) {
        Need(static_cast<std::uint64_t>(bytes));
        std::uint64_t value = 0;
        for (int left = bytes; left > 0; --left) value = value << 8 | *at_++;
        return value;
    }

    static std::uint64_t SignExtended(std::uint64_t value, int bytes) {
        const std::uint64_t sign = std::uint64_t{1} << (8 * bytes - 1);
        return (value ^ sign) - sign;
    }

    static std::uint64_t WidenedFloat(std::uint64_t bits32) {
        const auto narrow = static_cast<std::uint32_t>(bits32);
        float value = 0;
        std::memcpy(&value, &narrow, sizeof(value));
        const double wide = value;
        std::uint64_t bits = 0;
        std::memcpy(&bits, &wide, sizeof(bits));
        return bits;
    }

    void Number(MsgpackKind kind, std::uint64_t bits) {
        MsgpackNode node;
        node.kind = kind;
        node.bits = bits;
        nodes_.push_back(node);
    }

    // A signed type with a value from 0 is a whole number like any other: writers choose the type.
    void Signed(int bytes) {
        const std::uint64_t value = SignExtended(Big(bytes), bytes);
        Number(value >> 63 ? MsgpackKind::Int : MsgpackKind::Uint, value);
    }

    void Text(MsgpackKind kind, std::uint64_t size) {
        if (size > MaxTextBytes) Refuse("a text or binary has at most 256 bytes, got " + std::to_string(size));
        Need(size);
        MsgpackNode node;
        node.kind = kind;
        node.text = {reinterpret_cast<const char*>(at_), static_cast<std::size_t>(size)};
        at_ += size;
        if (kind == MsgpackKind::Text && !IsUtf8(node.text)) {
            throw WireError(std::string("a text of the ") + what_ + " is not UTF-8");
        }
        nodes_.push_back(node);
    }

    void Extension(std::uint64_t size) {
        Need(1);
        ++at_;  // its type
        Text(MsgpackKind::Extension, size);
    }

    void Items(MsgpackKind kind, std::uint64_t count, int depth) {
        const std::uint32_t most = kind == MsgpackKind::Map ? MaxEntries : MaxItems;
        if (count > most) Refuse("a map has at most 64 entries and a list 256 items, got " + std::to_string(count));
        if (depth > MaxDepth) throw WireError(std::string("the ") + what_ + " is nested more than 8 deep");
        const std::size_t self = nodes_.size();
        MsgpackNode node;
        node.kind = kind;
        node.count = static_cast<std::uint32_t>(count);
        nodes_.push_back(node);
        for (std::uint64_t item = 0; item < count; ++item) {
            if (kind == MsgpackKind::Map) {
                const std::size_t key = nodes_.size();
                Read(depth + 1);
                if (nodes_[key].kind != MsgpackKind::Text) {
                    throw WireError(std::string("the keys of the ") + what_ + " must be texts");
                }
            }
            Read(depth + 1);
        }
        nodes_[self].span = static_cast<std::uint32_t>(nodes_.size() - self);
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    const char* what_;
    std::vector<MsgpackNode>& nodes_;
};

}  // namespace

bool Value::IsNull() const { return node_->kind == MsgpackKind::Null; }
bool Value::IsMap() const { return node_->kind == MsgpackKind::Map; }
bool Value::IsList() const { return node_->kind == MsgpackKind::List; }

std::optional<std::uint64_t> Value::AsUint() const {
    if (node_->kind != MsgpackKind::Uint) return std::nullopt;
    return node_->bits;
}

std::optional<std::string_view> Value::AsText() const {
    if (node_->kind != MsgpackKind::Text) return std::nullopt;
    return node_->text;
}

std::size_t Value::Count() const { return node_->count; }

Value Value::At(std::size_t index) const {
    const MsgpackNode* item = node_ + 1;
    for (std::size_t passed = 0; passed < index; ++passed) item += item->span;
    return Value(item);
}

std::optional<Value> Value::Find(std::string_view key) const {
    std::optional<Value> found;
    const MsgpackNode* entry = node_ + 1;
    // To the end: of two entries with one key the later counts, as in Python.
    for (std::uint32_t left = IsMap() ? node_->count : 0; left > 0; --left) {
        const MsgpackNode* value = entry + 1;
        if (entry->text == key) found = Value(value);
        entry = value + value->span;
    }
    return found;
}

std::uint64_t Value::Uint(const char* key, std::uint64_t most) const {
    const auto found = Find(key);
    const auto number = found ? found->AsUint() : std::nullopt;
    if (number && *number <= most) return *number;
    throw WireError("'" + std::string(key) + "' must be a whole number from 0 to " + std::to_string(most) + ", got " +
                    Found(key));
}

double Value::Number(const char* key) const {
    if (const auto found = Find(key)) {
        const MsgpackNode& node = *found->node_;
        if (node.kind == MsgpackKind::Uint) return static_cast<double>(node.bits);
        if (node.kind == MsgpackKind::Int) return static_cast<double>(static_cast<std::int64_t>(node.bits));
        if (node.kind == MsgpackKind::Float && std::isfinite(FloatOf(node.bits))) return FloatOf(node.bits);
    }
    throw WireError("'" + std::string(key) + "' must be a finite number, got " + Found(key));
}

bool Value::Bool(const char* key) const {
    const auto found = Find(key);
    if (found && found->node_->kind == MsgpackKind::Bool) return found->node_->bits != 0;
    throw WireError("'" + std::string(key) + "' must be true or false, got " + Found(key));
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

namespace {

void AppendJsonText(std::string& json, std::string_view text) {
    json += '"';
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') (json += '\\') += letter;
        else if (byte >= 0x20 && byte != 0x7F) json += letter;
        else {
            char escape[8];
            std::snprintf(escape, sizeof(escape), "\\u%04x", byte);
            json += escape;
        }
    }
    json += '"';
}

void AppendJsonFloat(std::string& json, double value) {
    char text[40];
    std::snprintf(text, sizeof(text), "%.17g", value);
    json += std::isfinite(value) ? text : "null";
}

}  // namespace

std::string Value::ToJson() const {
    std::string text;
    AppendJson(text);
    return text;
}

void Value::AppendJson(std::string& json) const {
    switch (node_->kind) {
        case MsgpackKind::Null: json += "null"; return;
        case MsgpackKind::Bool: json += node_->bits ? "true" : "false"; return;
        case MsgpackKind::Uint: json += std::to_string(node_->bits); return;
        case MsgpackKind::Int: json += std::to_string(static_cast<std::int64_t>(node_->bits)); return;
        case MsgpackKind::Float: AppendJsonFloat(json, FloatOf(node_->bits)); return;
        case MsgpackKind::Text: AppendJsonText(json, node_->text); return;
        case MsgpackKind::Binary: case MsgpackKind::Extension:
            AppendJsonText(json, std::to_string(node_->text.size()) + " bytes");
            return;
        case MsgpackKind::List: case MsgpackKind::Map: break;
    }
    json += IsMap() ? '{' : '[';
    const MsgpackNode* item = node_ + 1;
    for (std::uint32_t index = 0; index < node_->count; ++index) {
        if (index > 0) json += ',';
        if (IsMap()) {
            AppendJsonText(json, item->text);
            json += ':';
            ++item;
        }
        Value(item).AppendJson(json);
        item += item->span;
    }
    json += IsMap() ? '}' : ']';
}

std::string Value::Found(const char* key) const {
    const auto found = Find(key);
    return found ? found->ToJson().substr(0, 80) : "nothing";
}

Value Document::Read(Bytes bytes, const char* what) {
    nodes_.clear();
    Reader reader(bytes, what, nodes_);
    reader.Read(1);
    const Value root(nodes_.data());
    if (!root.IsMap()) throw WireError(std::string("the ") + what + " must be a map");
    if (!reader.IsAtEnd()) throw WireError(std::string("bytes follow the end of the ") + what);
    return root;
}

}  // namespace omote
