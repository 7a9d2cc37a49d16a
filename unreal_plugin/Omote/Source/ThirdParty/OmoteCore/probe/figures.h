#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "omote/bytes.h"

/// Milliseconds of the last frames, for a benchmark.
class Figures {
public:
    void Add(double ms);

    /// {"p50":..,"p95":..,"p99":..,"max":..}; zeros where there are none.
    std::string ToJson() const;

private:
    std::vector<double> values_;
    std::size_t oldest_ = 0;  // once there are as many as are kept
};

/// The text as JSON, with its quotes. Bytes that are no ASCII are shown as '?'.
std::string JsonText(const std::string& text);

/// The checksum of zlib's crc32.
std::uint32_t Crc32(omote::Bytes bytes);
