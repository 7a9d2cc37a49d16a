#pragma once

#include <stdexcept>

namespace omote {

// What this library throws, and nothing else:
//
//   Error
//   ├── WireError       bytes from outside are no message of our wire
//   ├── SettingsError   an endpoint, a name or a key file of the user cannot be used
//   └── ControlError    Omote answered a request with an error, or did not answer it (control_message.h)
//
// Each says in a sentence what was found and what was wanted.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class WireError : public Error {
public:
    using Error::Error;
};

class SettingsError : public Error {
public:
    using Error::Error;
};

}  // namespace omote
