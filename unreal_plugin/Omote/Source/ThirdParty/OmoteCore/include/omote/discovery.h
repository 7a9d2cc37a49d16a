#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "omote/bytes.h"

namespace omote {

/// A running Omote, and where to connect to it.
struct Sender {
    std::string name;  // for people: that of its machine
    std::string subject;
    std::uint64_t session = 0;  // tells two senders of one name apart
    std::string video;  // tcp://HOST:PORT; empty where there is none
    std::string params;
    std::string control;
    std::string omote;  // the program's version
    bool isEncrypted = false;  // a key file is needed
};

/// What a sender says of itself; WireError where it breaks a rule of the wire.
Sender DecodeSender(Bytes answer);

constexpr std::uint16_t FirstDiscoveryPort = 5540;
constexpr std::uint16_t DiscoveryPorts = 16;

/// The senders of this machine that answer in this time, which the call takes as a whole, by name. One for each UDP
/// port, whatever the program at it sends. LinkError where this machine has no sockets left.
std::vector<Sender> FindSenders(std::chrono::milliseconds patience = std::chrono::milliseconds(300),
                                std::uint16_t firstPort = FirstDiscoveryPort);

}  // namespace omote
