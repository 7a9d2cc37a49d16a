#include "figures.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace {
constexpr std::size_t MostValues = 4096;  // an hour of pictures must not look like a leak
}

void Figures::Add(double ms) {
    if (values_.size() < MostValues) {
        values_.push_back(ms);
    } else {
        values_[oldest_] = ms;
        oldest_ = (oldest_ + 1) % MostValues;
    }
}

std::string Figures::ToJson() const {
    std::vector<double> sorted = values_.empty() ? std::vector<double>{0.0} : values_;
    std::sort(sorted.begin(), sorted.end());
    const auto at = [&sorted](double share) {  // interpolated, as NumPy's percentiles are
        const double place = share * static_cast<double>(sorted.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        const std::size_t above = std::min(below + 1, sorted.size() - 1);
        return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
    };
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(), R"({"p50":%.3f,"p95":%.3f,"p99":%.3f,"max":%.3f})", at(0.50), at(0.95),
                  at(0.99), sorted.back());
    return text.data();
}

std::string JsonText(const std::string& text) {
    std::string json = "\"";
    for (const char letter : text) {
        if (letter == '"' || letter == '\\') json += '\\';
        json += letter < ' ' || letter > '~' ? '?' : letter;
    }
    return json + "\"";
}

std::uint32_t Crc32(omote::Bytes bytes) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> entries{};
        for (std::uint32_t index = 0; index < entries.size(); ++index) {
            std::uint32_t entry = index;
            for (int bit = 0; bit < 8; ++bit) entry = entry & 1 ? 0xEDB88320u ^ entry >> 1 : entry >> 1;
            entries[index] = entry;
        }
        return entries;
    }();
    std::uint32_t checksum = ~0u;
    for (std::size_t at = 0; at < bytes.size; ++at) {
        checksum = table[(checksum ^ bytes.data[at]) & 0xFF] ^ checksum >> 8;
    }
    return ~checksum;
}
