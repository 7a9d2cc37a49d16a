#include "omote/recognition.h"

#include <algorithm>

namespace omote {

// Both lists have a dozen entries at most.
static std::vector<std::string> Without(const std::vector<std::string>& names, const std::vector<std::string>& others) {
    std::vector<std::string> left;
    for (const std::string& name : names) {
        if (std::find(others.begin(), others.end(), name) == others.end()) left.push_back(name);
    }
    return left;
}

RecognitionChange ChangeOf(const std::vector<std::string>& before, const std::vector<std::string>& now) {
    return {Without(before, now), Without(now, before)};
}

}  // namespace omote
