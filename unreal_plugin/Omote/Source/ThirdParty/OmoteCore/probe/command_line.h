#pragma once

#include <optional>
#include <string>

/// What the probe was told to do.
struct CommandLine {
    std::string endpoint = "tcp://127.0.0.1:5557";
    std::string subject = "omote";
    std::string format = "rgba8";
    std::string keys;               // path of a key file
    std::optional<double> seconds;  // ends after so long
    std::optional<long> count;      // or after so many taken frames
    long workMs = 0;                // what the consumer does with each, like a slow Update
    long warmUp = 0;                // frames that are not in the figures
    bool isListing = false;         // a line for each frame
    bool isParams = false;          // takes params instead of pictures

    /// SettingsError where an option is not known or its value is none.
    static CommandLine Parse(int count, char** words);
};
