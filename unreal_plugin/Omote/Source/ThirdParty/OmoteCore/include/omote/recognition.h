#pragma once

#include <string>
#include <vector>

namespace omote {

/// What has changed from one list of recognised expressions to the next.
struct RecognitionChange {
    std::vector<std::string> ended;
    std::vector<std::string> began;
};

/// Which expressions are in one of the lists alone, each in its own order.
RecognitionChange ChangeOf(const std::vector<std::string>& before, const std::vector<std::string>& now);

}  // namespace omote
