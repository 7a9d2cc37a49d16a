#pragma once

#include <string>
#include <vector>

/// Asks control for one thing, `ENDPOINT METHOD key=value... [--keys FILE]`, and prints the result as JSON.
/// A value is a number, nil, a list (1,2,3 or a,b) or else a text. METHOD `measure-clock` measures the clock.
void Ask(const std::vector<std::string>& words);
