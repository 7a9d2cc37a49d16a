#pragma once

#include <string>
#include <utility>
#include <vector>

#include "omote/envelope.h"

namespace omote {

/// What the floats of a params payload mean.
struct Schema {
    std::vector<std::string> weights;  // names, in order
    std::vector<std::pair<std::string, std::uint64_t>> fields;  // name, count of floats
};

/// What a sender is and can do.
struct Hello {
    std::string omote;  // the program's version
    std::uint64_t wire = 0;  // the newest version that it speaks
    std::vector<std::string> formats;  // all that may be subscribed to
    std::uint64_t video = 0;  // ports; 0 where there is none
    std::uint64_t params = 0;
    std::uint64_t control = 0;
    std::vector<std::string> methods;  // what control answers
};

/// What is said once a second in an `s` and in an `h` message; WireError where it breaks a rule of the wire.
Schema DecodeSchema(const Envelope& envelope);
Hello DecodeHello(const Envelope& envelope);

}  // namespace omote
