#pragma once

#include <string>

namespace omote {

/// What `omote keys new NAME` wrote for this machine: 40 letters of Z85 each. Whoever has them sees the pictures.
struct ClientKeys {
    std::string server;
    std::string publicKey;
    std::string secretKey;

    /// From the file; SettingsError, which never repeats the secret, where it holds none.
    static ClientKeys Load(const std::string& path);
    static ClientKeys Parse(const std::string& text, const std::string& path);
};

}  // namespace omote
