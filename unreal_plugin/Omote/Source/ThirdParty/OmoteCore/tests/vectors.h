#pragma once

#include <string>
#include <vector>

#include "json.h"
#include "omote/bytes.h"
#include "omote/envelope.h"
#include "omote/jpeg.h"

/// The parts of one message, as a golden vector holds them or a test puts them together.
class Message {
public:
    Message() = default;
    explicit Message(std::vector<std::string> parts) : parts_(std::move(parts)) {}

    std::vector<std::string>& Parts() { return parts_; }
    const std::vector<std::string>& Parts() const { return parts_; }

    /// The envelope of the message, which has to outlive it.
    omote::Envelope Envelope(omote::Document& document) const;

private:
    std::vector<std::string> parts_;
};

/// What tests/data holds.
const Json& Golden();
Message StoredMessage(const std::string& name);
std::vector<std::string> NamesStartingWith(const std::string& start);  // of the vectors that are decoded

/// A JPEG decoder for pictures whose colours do not matter: grey.
bool GreyJpeg(omote::Bytes jpeg, int width, int height, omote::Order order, std::uint8_t* out);
