#pragma once

#include <optional>
#include <string>

#include "omote/arguments.h"
#include "omote/error.h"
#include "omote/value.h"

namespace omote {

constexpr std::size_t MaxControlBytes = 16384;

/// Omote answered with an error; or did not answer, then `Code` is "timeout".
class ControlError : public Error {
public:
    ControlError(std::string code, const std::string& message) : Error(message), code_(std::move(code)) {}

    /// unsupported, version, invalid, busy, failed; timeout.
    const std::string& Code() const { return code_; }

private:
    std::string code_;
};

/// An answer of Omote's. A view of the message that it was read from.
struct Reply {
    std::uint64_t id = 0;
    std::optional<Value> result;  // a map; nothing where there is an error
    std::string_view code;
    std::string_view message;
};

/// The bytes of a request.
std::string EncodeRequest(std::uint64_t id, std::string_view method, const Arguments& arguments);

/// The reply in these bytes, which have to outlive it, as has `document`; WireError where they are none.
Reply DecodeReply(Bytes bytes, Document& document);

}  // namespace omote
